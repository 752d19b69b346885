#include "api.h"
#include "vm.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct core *api_core(lua_State *L)
{
    return vm_context(L);
}

int api_fail(lua_State *L, const char *code, const char *fmt, ...)
{
    char message[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    lua_pushnil(L);
    lua_pushstring(L, message);
    lua_pushstring(L, code);
    return 3;
}

static int is_known(const char *key, const char *const *known)
{
    for (; *known; known++)
        if (strcmp(key, *known) == 0) return 1;
    return 0;
}

static void refuse_key(lua_State *L, const char *key, const char *const *known)
{
    lua_pushstring(L, *known);
    while (*++known)
        lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), *known);
    luaL_error(L, "no such option: %s (known: %s)", key, lua_tostring(L, -1));
}

void api_known_keys(lua_State *L, int index, const char *const *known)
{
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "the name of an option must be a string, not a %s", luaL_typename(L, -2));
        const char *key = lua_tostring(L, -2);
        if (!is_known(key, known)) refuse_key(L, key, known);
    }
}

/* Pushes the field and returns 1; returns 0 when it is missing. */
static int push_field(lua_State *L, int index, const char *key, int type)
{
    index = lua_absindex(L, index);
    lua_pushstring(L, key);
    int found = lua_rawget(L, index);
    if (found == LUA_TNIL) {
        lua_pop(L, 1);
        return 0;
    }
    if (found != type)
        luaL_error(L, "option %s must be a %s, not a %s", key, lua_typename(L, type),
                   lua_typename(L, found));
    return 1;
}

const char *api_text(lua_State *L, int index, const char *key, const char *missing)
{
    if (!push_field(L, index, key, LUA_TSTRING)) return missing;
    const char *text = lua_tostring(L, -1);
    lua_pop(L, 1);
    return text;
}

lua_Number api_number(lua_State *L, int index, const char *key, lua_Number missing)
{
    if (!push_field(L, index, key, LUA_TNUMBER)) return missing;
    lua_Number number = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return number;
}

int api_flag(lua_State *L, int index, const char *key, int missing)
{
    if (!push_field(L, index, key, LUA_TBOOLEAN)) return missing;
    int flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

void api_set_text(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

void api_set_integer(lua_State *L, const char *key, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

void api_set_number(lua_State *L, const char *key, lua_Number value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, key);
}

void api_set_flag(lua_State *L, const char *key, int value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, key);
}

int api_is_marked(lua_State *L, int index, const char *name)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index)) return 0;
    luaL_getmetatable(L, name);
    int is_same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_same;
}

int64_t api_seconds(lua_State *L, int arg)
{
    lua_Number seconds = luaL_checknumber(L, arg);
    luaL_argcheck(L, seconds >= 0 && seconds < 1e9, arg, "seconds, 0 or more");
    return (int64_t)(seconds * 1000 + 0.5);
}

double api_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int api_read_value(lua_State *L, int index, struct value *value)
{
    *value = (struct value){ .type = VALUE_NONE };
    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL: return 1;
    case LUA_TBOOLEAN:
        value->type = VALUE_BOOL;
        value->integer = lua_toboolean(L, index);
        return 1;
    case LUA_TNUMBER:
        value->type = lua_isinteger(L, index) ? VALUE_INTEGER : VALUE_NUMBER;
        if (value->type == VALUE_INTEGER)
            value->integer = lua_tointeger(L, index);
        else
            value->number = lua_tonumber(L, index);
        return 1;
    case LUA_TSTRING:
        value->type = VALUE_TEXT;
        value->text = (char *)(uintptr_t)lua_tolstring(L, index, &value->len);
        return 1;
    default: return 0;
    }
}

void api_push_value(lua_State *L, const struct value *value)
{
    switch (value->type) {
    case VALUE_BOOL: lua_pushboolean(L, value->integer != 0); break;
    case VALUE_INTEGER: lua_pushinteger(L, value->integer); break;
    case VALUE_NUMBER: lua_pushnumber(L, value->number); break;
    case VALUE_TEXT: lua_pushlstring(L, value->text, value->len); break;
    default: lua_pushnil(L);
    }
}
