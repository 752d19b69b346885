/* core.log: see scripts/meta/log.lua. */
#include "api.h"
#include "log.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 40 };

struct field {
    const char *name;
    struct value value;
};

static void check_name(lua_State *L)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    if (!name) luaL_argerror(L, 2, "a field's name must be a string");
    if (strcmp(name, "at") == 0 || strcmp(name, "level") == 0 || strcmp(name, "event") == 0)
        luaL_argerror(L, 2, lua_pushfstring(L, "the field \"%s\" is the line's own", name));
}

/* Reads the name and value on top of the stack; both live as long as the table. */
static struct field read_field(lua_State *L)
{
    check_name(L);
    struct field field = { .name = lua_tostring(L, -2) };
    if (!api_read_value(L, -1, &field.value))
        luaL_argerror(L, 2,
                      lua_pushfstring(L,
                                      "the field \"%s\" is a %s, not a string, number or boolean",
                                      field.name, luaL_typename(L, -1)));
    return field;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct field *)a)->name, ((const struct field *)b)->name);
}

/* Reads the table of fields, sorted by name; returns their number. */
static int read_fields(lua_State *L, struct field *fields)
{
    int count = 0;
    if (lua_isnoneornil(L, 2)) return 0;
    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        if (count == MAX_FIELDS) luaL_argerror(L, 2, "too many fields");
        fields[count++] = read_field(L);
    }
    qsort(fields, (size_t)count, sizeof *fields, compare_names);
    return count;
}

static void write_field(const char *name, const struct value *value)
{
    if (value->type == VALUE_TEXT)
        log_strn(name, value->text, value->len);
    else if (value->type == VALUE_BOOL)
        log_bool(name, (int)value->integer);
    else if (value->type == VALUE_INTEGER)
        log_int(name, value->integer);
    else
        log_num(name, value->number);
}

/* The function of one level, which is the upvalue. Everything that can raise comes before the line
 * is begun, because lines do not nest. */
static int write_line(lua_State *L)
{
    struct field fields[MAX_FIELDS];
    enum log_level level = (enum log_level)lua_tointeger(L, lua_upvalueindex(1));
    const char *event = luaL_checkstring(L, 1);
    int count = read_fields(L, fields);
    if (!log_begin(level, event)) return 0;
    for (int i = 0; i < count; i++)
        write_field(fields[i].name, &fields[i].value);
    log_end();
    return 0;
}

int api_log_open(lua_State *L)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    lua_createtable(L, 0, 4);
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        lua_pushinteger(L, level);
        lua_pushcclosure(L, write_line, 1);
        lua_setfield(L, -2, names[level]);
    }
    return 1;
}
