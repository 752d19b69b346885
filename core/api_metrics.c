/* core.metrics: see scripts/meta/metrics.lua. */
#include "api.h"
#include "metrics.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* The texts live as long as the table. */
static int read_labels(lua_State *L, int index, const char **labels)
{
    int n = 0;

    if (lua_isnoneornil(L, index)) return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    for (; lua_rawgeti(L, index, n + 1) == LUA_TSTRING; lua_pop(L, 1)) {
        luaL_argcheck(L, n < METRICS_LABELS, index, "at most 4 labels");
        labels[n++] = lua_tostring(L, -1);
    }
    lua_pop(L, 1);
    return n;
}

static int declare(lua_State *L)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram", NULL };
    const char *labels[METRICS_LABELS], *name = luaL_checkstring(L, 1);
    enum metrics_kind kind = (enum metrics_kind)luaL_checkoption(L, 2, NULL, kinds);
    int n = read_labels(L, 4, labels);

    if (metrics_declare(name, kind, luaL_checkstring(L, 3), labels, n)) return 0;
    return luaL_error(L, "metrics.declare: %s is no good name, or was declared otherwise before",
                      name);
}

/* Argument 1 is the family's name, 2 the number, then a text for each label. */
static int tell(lua_State *L, enum metrics_kind kind,
                void (*fn)(struct metrics_family *, const char *const *, double))
{
    const char *values[METRICS_LABELS], *name = luaL_checkstring(L, 1);
    struct metrics_family *family = metrics_find(name);
    double n = luaL_checknumber(L, 2);

    if (!family) return luaL_error(L, "metrics: there is no %s (see metrics.declare)", name);
    if (metrics_kind_of(family) != kind)
        return luaL_error(L, "metrics: %s is of another kind", name);
    luaL_argcheck(L, kind == METRICS_GAUGE || n >= 0, 2, "from 0 on");
    for (int i = 0; i < metrics_labels_of(family); i++)
        values[i] = luaL_checkstring(L, 3 + i);
    fn(family, values, n);
    return 0;
}

static int add(lua_State *L)
{
    return tell(L, METRICS_COUNTER, metrics_add);
}

static int observe(lua_State *L)
{
    return tell(L, METRICS_HISTOGRAM, metrics_observe);
}

static int set(lua_State *L)
{
    return tell(L, METRICS_GAUGE, metrics_set);
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

    lua_pushlstring(L, bytes,
                    len); /* raises only when memory is out, and then the process has other cares */
    free(bytes);
    return 1;
}

int api_metrics_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "declare", declare }, { "add", add },
                                          { "observe", observe }, { "set", set },
                                          { "clear", clear },     { "text", text },
                                          { NULL, NULL } };

    luaL_newlib(L, functions);
    return 1;
}
