/* core.log */
#include "api.h"
#include "log.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 40 };

struct field {
    const char *name, *text;
    size_t len;
    int type; /* Lua's */
    int whole;
    int64_t integer;
    double number;
};

static const char *check_event(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *event = lua_tostring(L, 1);
    if (!*event || event[strspn(event, "abcdefghijklmnopqrstuvwxyz0123456789_.")])
        luaL_argerror(L, 1, "an event is a dotted word: \"deployment.started\"");
    return event;
}

static void check_name(lua_State *L)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    if (!name) luaL_argerror(L, 2, "a field's name must be a word");
    if (strcmp(name, "at") == 0 || strcmp(name, "level") == 0 || strcmp(name, "event") == 0)
        luaL_argerror(L, 2, lua_pushfstring(L, "the field \"%s\" is the line's own", name));
}

/* The name and value on top of the stack; both live as long as the table. */
static struct field read_field(lua_State *L)
{
    check_name(L);
    struct field f = { .name = lua_tostring(L, -2),
                       .type = lua_type(L, -1),
                       .whole = lua_isinteger(L, -1) };
    if (f.type == LUA_TSTRING)
        f.text = lua_tolstring(L, -1, &f.len);
    else if (f.type == LUA_TBOOLEAN)
        f.whole = lua_toboolean(L, -1);
    else if (f.type != LUA_TNUMBER)
        luaL_argerror(L, 2,
                      lua_pushfstring(L,
                                      "the field \"%s\" is a %s, not a string, number or boolean",
                                      f.name, luaL_typename(L, -1)));
    if (f.type == LUA_TNUMBER) f.integer = lua_tointeger(L, -1), f.number = lua_tonumber(L, -1);
    return f;
}

static int compare(const void *one, const void *other)
{
    return strcmp(((const struct field *)one)->name, ((const struct field *)other)->name);
}

static int read_fields(lua_State *L, struct field *fields)
{
    int n = 0;
    if (lua_isnoneornil(L, 2)) return 0;
    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        if (n == MAX_FIELDS) luaL_argerror(L, 2, "too many fields");
        fields[n++] = read_field(L);
    }
    qsort(fields, (size_t)n, sizeof *fields, compare);
    return n;
}

static void write_field(const struct field *f)
{
    if (f->type == LUA_TSTRING)
        log_strn(f->name, f->text, f->len);
    else if (f->type == LUA_TBOOLEAN)
        log_bool(f->name, f->whole);
    else if (f->whole)
        log_int(f->name, f->integer);
    else
        log_num(f->name, f->number);
}

/* Nothing of Lua runs while the line is built: lines do not nest. */
static int write_line(lua_State *L, enum log_level level)
{
    struct field fields[MAX_FIELDS];
    const char *event = check_event(L);
    int n = read_fields(L, fields);
    if (!log_begin(level, event)) return 0;
    for (int i = 0; i < n; i++)
        write_field(&fields[i]);
    log_end();
    return 0;
}

static int write_debug(lua_State *L)
{
    return write_line(L, LOG_DEBUG);
}

static int write_info(lua_State *L)
{
    return write_line(L, LOG_INFO);
}

static int write_warn(lua_State *L)
{
    return write_line(L, LOG_WARN);
}

static int write_error(lua_State *L)
{
    return write_line(L, LOG_ERROR);
}

int api_log_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "debug", write_debug },
                                          { "info", write_info },
                                          { "warn", write_warn },
                                          { "error", write_error },
                                          { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
