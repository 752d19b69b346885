/* core.metrics: see scripts/meta/metrics.lua. */
#include "api.h"
#include "metrics.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* The names live as long as the table. Returns their number. */
static int read_labels(lua_State *L, int index, const char **labels)
{
    int count = 0;
    if (lua_isnoneornil(L, index)) return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    for (; lua_rawgeti(L, index, count + 1) == LUA_TSTRING; lua_pop(L, 1)) {
        luaL_argcheck(L, count < METRICS_LABELS, index, "at most 4 labels");
        labels[count++] = lua_tostring(L, -1);
    }
    lua_pop(L, 1);
    return count;
}

static int declare(lua_State *L)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram", NULL };
    const char *labels[METRICS_LABELS], *name = luaL_checkstring(L, 1);
    enum metrics_kind kind = (enum metrics_kind)luaL_checkoption(L, 2, NULL, kinds);
    int nlabels = read_labels(L, 4, labels);
    if (metrics_declare(name, kind, luaL_checkstring(L, 3), labels, nlabels)) return 0;
    return luaL_error(
        L, "metrics.declare: %s is an invalid name, or was declared differently before", name);
}

/* The family that argument 1 names; raises when there is none. */
static struct metrics_family *check_family(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    struct metrics_family *family = metrics_find(name);
    if (!family) luaL_error(L, "metrics: there is no %s (see metrics.declare)", name);
    return family;
}

/* Reads a text for each label of the family, from argument `first` on. */
static void check_values(lua_State *L, int first, const struct metrics_family *family,
                         const char **values)
{
    for (int i = 0; i < family->nlabels; i++)
        values[i] = luaL_checkstring(L, first + i);
}

/* metrics.add, set and observe, whose kind is the upvalue. Arguments: the family's name, the
 * number, a text for each label. */
static int record(lua_State *L)
{
    const char *values[METRICS_LABELS];
    enum metrics_kind kind = (enum metrics_kind)lua_tointeger(L, lua_upvalueindex(1));
    struct metrics_family *family = check_family(L);
    double n = luaL_checknumber(L, 2);
    if (family->kind != kind)
        return luaL_error(L, "metrics: %s is of another kind", lua_tostring(L, 1));
    luaL_argcheck(L, kind == METRICS_GAUGE || n >= 0, 2, "must not be negative");
    check_values(L, 3, family, values);
    metrics_record(family, values, n);
    return 0;
}

static int expect(lua_State *L)
{
    const char *values[METRICS_LABELS];
    struct metrics_family *family = check_family(L);
    check_values(L, 2, family, values);
    metrics_expect(family, values);
    return 0;
}

static int clear(lua_State *L)
{
    struct metrics_family *family = metrics_find(luaL_checkstring(L, 1));
    if (family) metrics_clear(family);
    return 0;
}

static int text(lua_State *L)
{
    size_t len;
    char *bytes = metrics_text(&len);
    lua_pushlstring(L, bytes, len); /* leaks `bytes` if Lua is out of memory */
    free(bytes);
    return 1;
}

int api_metrics_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "declare", declare }, { "expect", expect }, { "clear", clear }, { "text", text }, { 0 }
    };
    static const char *const recorders[] = { "add", "set", "observe" }; /* by kind */
    luaL_newlib(L, functions);
    for (int kind = METRICS_COUNTER; kind <= METRICS_HISTOGRAM; kind++) {
        lua_pushinteger(L, kind);
        lua_pushcclosure(L, record, 1);
        lua_setfield(L, -2, recorders[kind]);
    }
    return 1;
}
