/* core.json. Written is in api_json_encode.c; read by lua-cjson, with what it gets wrong put right
 * around it.
 *
 * By itself it reads NaN, 0x10, 01, broken UTF-8 and a field twice; makes floats of all numbers,
 * and {} of []. So the text is checked first (json_check.h), and what lua-cjson cannot carry goes
 * through it as a token (json_text.h). */
#include "api.h"
#include "api_json.h"
#include "json_check.h"
#include "json_text.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY "json.array" /* the metatable's name of tables that are arrays, also when empty */
#define CJSON "json.cjson"
static const double exact =
    9007199254740992.0; /* 2^53: up to here a double has every whole number */

int luaopen_cjson(lua_State *L);

/* --- lua-cjson --- */

/* Leaves it on the stack. */
static void open_cjson(lua_State *L)
{
    static const char settings[] = "local cjson, depth = ...\n"
                                   "cjson.decode_max_depth(depth)\n"
                                   "cjson.decode_invalid_numbers(false)\n";

    lua_pushcfunction(L, luaopen_cjson);
    lua_call(L, 0, 1);
    if (luaL_loadstring(L, settings) != LUA_OK) lua_error(L);
    lua_pushvalue(L, -2);
    lua_pushinteger(L, JSON_DEPTH);
    lua_call(L, 2, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, CJSON);
}

/* Replaces the text on top by its value. */
static void call_cjson(lua_State *L)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, CJSON) == LUA_TNIL) {
        lua_pop(L, 1);
        open_cjson(L);
    }
    lua_getfield(L, -1, "decode");
    lua_replace(L, -2);
    lua_insert(L, -2);
    lua_call(L, 1, 1);
}

/* --- tables --- */

/* Sets the value on top at the key below it, and leaves both. */
static void set_field(lua_State *L, int table)
{
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, table);
}

static void mark_array(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    luaL_setmetatable(L, ARRAY);
    lua_pop(L, 1);
}

int api_json_is_array(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index)) return 0;
    luaL_getmetatable(L, ARRAY);
    int same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

static int array(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, api_json_is_array(L, 1) || !lua_getmetatable(L, 1), 1,
                  "the table has a metatable of its own");
    mark_array(L, 1);
    return 1;
}

/* --- decode: the value on top is put right; 1 when it is another now --- */

static int mend_number(lua_State *L)
{
    double number = lua_tonumber(L, -1);

    if (number != floor(number) || fabs(number) > exact) return 0;
    lua_pop(L, 1);
    lua_pushinteger(L, (lua_Integer)number);
    return 1;
}

static int mend_token(lua_State *L)
{
    size_t len;
    const char *text = lua_tolstring(L, -1, &len), *value = json_token_value(text, len);

    if (!value) return 0;
    errno = 0;
    long long integer = strtoll(value, NULL, 10);
    if (*value == '[') {
        lua_newtable(L);
        luaL_setmetatable(L, ARRAY);
    } else if (errno == 0) {
        lua_pushinteger(L, integer);
    } else {
        lua_pushnumber(L, strtod(value, NULL));
    }
    lua_remove(L, -2);
    return 1;
}

static int mend(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TNUMBER) return mend_number(L);
    if (lua_type(L, -1) == LUA_TSTRING) return mend_token(L);
    if (lua_type(L, -1) != LUA_TTABLE) return 0;

    int table = lua_gettop(L);
    luaL_checkstack(L, 6, "JSON");
    if (lua_rawgeti(L, table, 1) != LUA_TNIL)
        mark_array(L, table); /* an empty one comes as a token */
    lua_settop(L, table);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        if (mend(L)) set_field(L, table);
    return 0;
}

/* Raises when there is not so much memory left: lua-cjson leaks its own when Lua refuses it some on
 * the way. */
static void make_sure_of(lua_State *L, size_t bytes)
{
    void *ud, *block;
    lua_Alloc allocate = lua_getallocf(L, &ud);

    if (!(block = allocate(ud, NULL, 0, bytes))) {
        lua_gc(L, LUA_GCCOLLECT);
        block = allocate(ud, NULL, 0, bytes);
    }
    if (!block) luaL_error(L, "not enough memory to decode JSON");
    allocate(ud, block, bytes, 0);
}

static int decode(lua_State *L)
{
    struct json_check check;
    size_t len;

    luaL_checktype(L, 1, LUA_TSTRING);
    const char *text = lua_tolstring(L, 1, &len);
    lua_settop(L, 1);
    if (json_check(text, len, &check) != 0)
        return api_fail(L, "invalid", "not valid JSON: %s (line %d, column %d)", check.error,
                        check.line, check.column);
    if (check.text != text) lua_pushlstring(L, check.text, check.len);
    make_sure_of(L, check.memory + 4096);
    call_cjson(L);
    if (!check.plain) mend(L);
    return 1;
}

/* --- the module --- */

static int encode(lua_State *L)
{
    luaL_checkany(L, 1);
    api_json_push(L, 1);
    return 1;
}

int api_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "decode", decode }, { "encode", encode }, { "array", array }, { NULL, NULL }
    };

    luaL_newmetatable(L, ARRAY);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
