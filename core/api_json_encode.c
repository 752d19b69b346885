/* json.encode. lua-cjson is not asked: it writes a slash as \/, 14 digits of a number, whatever
 * bytes a string holds, and a list with a name in it as an object. */
#include "api_json.h"
#include "json_check.h"
#include "json_text.h"
#include "bytes.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_buffer out;

static void put(const char *bytes, size_t len)
{
    json_buffer_add(&out, bytes, len);
}

static void put_word(const char *word)
{
    put(word, strlen(word));
}

/* The limit ends also what tables that hold one another many times grow to. */
static void make_sure_of(lua_State *L, size_t more)
{
    if (out.len + more > JSON_BYTES) luaL_error(L, "json.encode: more than %d bytes", JSON_BYTES);
}

/* --- text --- */

/* The bytes that stand for themselves. */
static const char plain[256] = { [0x20 ... 0x21] = 1, [0x23 ... 0x5b] = 1, [0x5d ... 0x7e] = 1 };

static void put_escaped(char c)
{
    static const char bytes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c ? strchr(bytes, c) : NULL;
    char text[8];

    if (found)
        snprintf(text, sizeof text, "\\%c", letters[found - bytes]);
    else
        snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
    put_word(text);
}

/* One that is not plain; returns where the next begins. */
static const char *put_character(const char *at, const char *end)
{
    size_t len = bytes_utf8_length(at, end);

    if (len > 1)
        put(at, len);
    else if (len == 1)
        put_escaped(*at);
    else
        put_word("\xef\xbf\xbd");
    return at + (len > 0 ? len : 1);
}

static void put_string(lua_State *L, int index)
{
    size_t len;
    const char *at = lua_tolstring(L, index, &len), *end = at + len;

    make_sure_of(L, len);
    put("\"", 1);
    while (at < end) {
        const char *from = at;
        while (at < end && plain[(unsigned char)*at])
            at++;
        put(from, (size_t)(at - from));
        if (at < end) at = put_character(at, end);
    }
    put("\"", 1);
}

/* --- numbers --- */

/* The shortest text that reads back as the same number. */
static void put_number(lua_State *L)
{
    double number = lua_tonumber(L, -1);
    char text[40];
    int digits = 14;

    if (!isfinite(number))
        luaL_error(L, "json.encode: JSON has no word for %s", isnan(number) ? "nan" : "inf");
    if (lua_isinteger(L, -1))
        snprintf(text, sizeof text, LUA_INTEGER_FMT, lua_tointeger(L, -1));
    else
        while (snprintf(text, sizeof text, "%.*g", digits, number), strtod(text, NULL) != number)
            digits++;
    put_word(text);
}

/* --- tables: the one on top --- */

static void put_value(lua_State *L, int depth);

static void refuse_mixture(lua_State *L)
{
    luaL_error(L, "json.encode: a table with both a list and named fields");
}

/* The key below the value on top; returns its place. */
static lua_Integer check_place(lua_State *L)
{
    if (lua_type(L, -2) == LUA_TSTRING) refuse_mixture(L);
    if (!lua_isinteger(L, -2))
        luaL_error(L, "json.encode: a field name that is a %s", luaL_typename(L, -2));
    if (lua_tointeger(L, -2) < 1)
        luaL_error(L, "json.encode: a list begins at 1, not at %I", lua_tointeger(L, -2));
    return lua_tointeger(L, -2);
}

static lua_Integer count_places(lua_State *L)
{
    lua_Integer count = 0, highest = 0;

    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        lua_Integer place = check_place(L);
        if (place > highest) highest = place;
        count++;
    }
    if (highest != count) luaL_error(L, "json.encode: a list with a hole (use json.null)");
    return count;
}

static void put_list(lua_State *L, int depth)
{
    lua_Integer count = count_places(L);

    put("[", 1);
    for (lua_Integer i = 1; i <= count; i++) {
        if (i > 1) put(",", 1);
        lua_rawgeti(L, -1, i);
        put_value(L, depth);
        lua_pop(L, 1);
    }
    put("]", 1);
}

static void put_object(lua_State *L, int depth)
{
    char before = '{';

    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1), before = ',') {
        if (lua_type(L, -2) != LUA_TSTRING) refuse_mixture(L);
        put(&before, 1);
        put_string(L, -2);
        put(":", 1);
        put_value(L, depth);
    }
    put("}", 1);
}

/* An empty one says by its mark which it is; of the others the first key tells, and the rest must
 * follow. */
static void put_table(lua_State *L, int depth)
{
    int marked = api_json_is_array(L, -1);

    if (depth > JSON_DEPTH) luaL_error(L, "json.encode: nested too deep, or in a circle");
    luaL_checkstack(L, 6, "JSON");
    lua_pushnil(L);
    if (!lua_next(L, -2)) {
        put_word(marked ? "[]" : "{}");
        return;
    }
    int named = lua_type(L, -2) == LUA_TSTRING;
    lua_pop(L, 2);
    if (named && !marked)
        put_object(L, depth);
    else
        put_list(L, depth);
}

/* The value on top. */
static void put_value(lua_State *L, int depth)
{
    make_sure_of(L, 1);
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        put_string(L, -1);
        break;
    case LUA_TBOOLEAN:
        put_word(lua_toboolean(L, -1) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        put_number(L);
        break;
    case LUA_TTABLE:
        put_table(L, depth + 1);
        break;
    case LUA_TLIGHTUSERDATA: /* json.null */
        if (!lua_touserdata(L, -1)) {
            put_word("null");
            break;
        }
        /* fall through */
    default:
        luaL_error(L, "json.encode: JSON has no word for a %s", luaL_typename(L, -1));
    }
}

void api_json_push(lua_State *L, int index)
{
    luaL_checkstack(L, 6, "JSON");
    lua_pushvalue(L, index);
    json_buffer_clear(&out);
    put_value(L, 0);
    lua_pop(L, 1);
    lua_pushlstring(L, out.bytes, out.len);
    json_buffer_clear(&out);
}
