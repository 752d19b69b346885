/* core.json: see scripts/meta/json.lua. json.c checks a text, lua-cjson reads it.
 *
 * lua-cjson 2.1.0 does not write, because it writes a slash as \/, only 14 digits of a number, any
 * bytes a string holds, and a list with a named field as an object. */
#include "api.h"
#include "bytes.h"
#include "json.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_cjson(lua_State *L);

/* Name of the metatable of tables that are arrays, which distinguishes [] from {}. */
#define JSON_ARRAY "json.array"

static const double EXACT = 9007199254740992.0; /* 2^53: a double has every integer up to here */

/* Static, so that nothing leaks when Lua raises. */
static struct bytes out;

static void put_value(lua_State *L, int depth);

/* The limit also ends tables that contain one another many times. */
static void check_room(lua_State *L, size_t more)
{
    if (out.len + more > JSON_BYTES) luaL_error(L, "json.encode: more than %d bytes", JSON_BYTES);
}

/* --- strings --- */

static void put_string(lua_State *L, int index)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    check_room(L, len);
    bytes_add_char(&out, '"');
    bytes_add_json(&out, text, len, "\xef\xbf\xbd");
    bytes_add_char(&out, '"');
}

/* --- numbers --- */

/* The shortest text that reads back as the same number. */
static void put_number(lua_State *L)
{
    double number = lua_tonumber(L, -1);
    char text[40];
    if (lua_isinteger(L, -1)) {
        bytes_add_int(&out, lua_tointeger(L, -1), 1);
        return;
    }
    if (!isfinite(number))
        luaL_error(L, "json.encode: JSON cannot represent %s", isnan(number) ? "nan" : "inf");
    for (int digits = 14; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    bytes_add_text(&out, text);
}

/* --- tables: the one on top of the stack --- */

static void raise_mixture(lua_State *L)
{
    luaL_error(L, "json.encode: a table with both a list and named fields");
}

/* Returns the length of the list; raises when the table is not a list. */
static lua_Integer check_list(lua_State *L)
{
    lua_Integer count = 0, highest = 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) raise_mixture(L);
        if (!lua_isinteger(L, -2))
            luaL_error(L, "json.encode: a field name that is a %s", luaL_typename(L, -2));
        lua_Integer index = lua_tointeger(L, -2);
        if (index < 1) luaL_error(L, "json.encode: a list begins at 1, not at %I", index);
        if (index > highest) highest = index;
        count++;
    }
    if (highest != count) luaL_error(L, "json.encode: a list with a hole (use json.null)");
    return count;
}

static void put_list(lua_State *L, int depth)
{
    lua_Integer count = check_list(L);
    bytes_add_char(&out, '[');
    for (lua_Integer i = 1; i <= count; i++) {
        if (i > 1) bytes_add_char(&out, ',');
        lua_rawgeti(L, -1, i);
        put_value(L, depth);
        lua_pop(L, 1);
    }
    bytes_add_char(&out, ']');
}

static void put_object(lua_State *L, int depth)
{
    char before = '{';
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) raise_mixture(L);
        bytes_add_char(&out, before);
        put_string(L, -2);
        bytes_add_char(&out, ':');
        put_value(L, depth);
        before = ',';
    }
    bytes_add_char(&out, '}');
}

/* The metatable distinguishes an empty list from an empty object; otherwise the first key decides
 * and the rest must agree. */
static void put_table(lua_State *L, int depth)
{
    int is_marked = api_is_marked(L, -1, JSON_ARRAY);
    if (depth > JSON_DEPTH) luaL_error(L, "json.encode: nested too deep, or in a circle");
    luaL_checkstack(L, 6, "JSON");
    lua_pushnil(L);
    if (!lua_next(L, -2)) {
        bytes_add_text(&out, is_marked ? "[]" : "{}");
        return;
    }
    int is_named = lua_type(L, -2) == LUA_TSTRING;
    lua_pop(L, 2);
    if (is_named && !is_marked)
        put_object(L, depth);
    else
        put_list(L, depth);
}

/* --- values --- */

static int is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && !lua_touserdata(L, index);
}

static void put_value(lua_State *L, int depth)
{
    check_room(L, 1);
    switch (lua_type(L, -1)) {
    case LUA_TSTRING: put_string(L, -1); break;
    case LUA_TBOOLEAN: bytes_add_text(&out, lua_toboolean(L, -1) ? "true" : "false"); break;
    case LUA_TNUMBER: put_number(L); break;
    case LUA_TTABLE: put_table(L, depth + 1); break;
    default:
        if (!is_null(L, -1))
            luaL_error(L, "json.encode: JSON cannot represent a %s", luaL_typename(L, -1));
        bytes_add_text(&out, "null");
    }
}

void api_json_push(lua_State *L, int index)
{
    luaL_checkstack(L, 6, "JSON");
    lua_pushvalue(L, index);
    bytes_clear(&out);
    put_value(L, 0);
    lua_pop(L, 1);
    lua_pushlstring(L, out.data, out.len);
}

/* --- reading: from lua-cjson's values, one on top of the stack, to ours --- */

/* Pushes the value of a marked string: an empty array or a long integer. */
static void push_marked(lua_State *L, const char *text)
{
    if (*text == '[') {
        lua_newtable(L);
        luaL_setmetatable(L, JSON_ARRAY);
    } else if (!lua_stringtonumber(L, text)) {
        luaL_error(L, "json.decode: %s is not a number", text);
    }
}

/* Pushes what to replace the value by and returns 1, or returns 0. */
static int push_replacement(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        const char *text = lua_tostring(L, -1);
        if ((unsigned char)text[0] != JSON_MARK) return 0;
        push_marked(L, text + 1);
        return 1;
    }
    lua_Integer integer;
    if (lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1)) return 0;
    double number = lua_tonumber(L, -1);
    if (fabs(number) > EXACT || !lua_numbertointeger(number, &integer) || integer != number)
        return 0;
    lua_pushinteger(L, integer);
    return 1;
}

static void convert_table(lua_State *L)
{
    luaL_checkstack(L, 6, "JSON");
    int is_list = lua_rawlen(L, -1) > 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_istable(L, -1)) {
            convert_table(L);
        } else if (push_replacement(L)) {
            lua_pushvalue(L, -3);
            lua_insert(L, -2);
            lua_rawset(L, -5);
        }
    }
    if (is_list) luaL_setmetatable(L, JSON_ARRAY);
}

/* Replaces the text on top of the stack by its value. */
static void read_checked(lua_State *L, const struct json_checked *checked)
{
    /* lua-cjson leaks its buffer when Lua raises inside it: let a lack of memory raise here. */
    lua_newuserdatauv(L, checked->memory, 0);
    lua_pop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushlstring(L, checked->text, checked->len);
    lua_call(L, 1, 1);
    if (lua_istable(L, -1))
        convert_table(L);
    else if (push_replacement(L))
        lua_replace(L, -2);
}

/* --- the module --- */

static int encode(lua_State *L)
{
    luaL_checkany(L, 1);
    api_json_push(L, 1);
    return 1;
}

static int decode(lua_State *L)
{
    struct json_checked checked;
    size_t len;
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *text = lua_tolstring(L, 1, &len);
    if (json_check(text, len, &checked) != 0)
        return api_fail(L, "invalid", "not valid JSON: %s (line %d, column %d)", checked.error,
                        checked.line, checked.column);
    read_checked(L, &checked);
    return 1;
}

static int array(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, api_is_marked(L, 1, JSON_ARRAY) || !lua_getmetatable(L, 1), 1,
                  "the table has a metatable of its own");
    luaL_setmetatable(L, JSON_ARRAY);
    return 1;
}

int api_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "encode", encode },
                                          { "array", array },
                                          { NULL, NULL } };
    luaL_newmetatable(L, JSON_ARRAY);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    luaL_requiref(L, "cjson", luaopen_cjson, 0);
    lua_getfield(L, -1, "decode");
    lua_pushcclosure(L, decode, 1);
    lua_setfield(L, -3, "decode");
    lua_pop(L, 1);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
