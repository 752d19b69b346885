/* core.json: lua-cjson, with what it gets wrong put right around it.
 *
 * By itself it reads NaN, 0x10, 01, broken UTF-8 and a field twice; makes floats of all numbers, {} of [], and 14 digits of a number;
 * writes a slash as \/, and a list with a name in it as an object. So what is read is checked first (json_check.h), what is written is
 * looked over first, here, and what it cannot carry either way goes through it as a token (json_text.h). */
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
enum { KEPT = 1 << 16 };
static const double exact = 9007199254740992.0; /* 2^53: up to here a double has every whole number */
static const double short_enough = 1e14;        /* below, lua-cjson writes each digit of a whole number */

int luaopen_cjson(lua_State *L);

/* --- lua-cjson --- */

/* Leaves it on the stack. */
static void open_cjson(lua_State *L)
{
    static const char settings[] = "local cjson, depth = ...\n"
                                   "cjson.decode_max_depth(depth)\n"
                                   "cjson.encode_max_depth(depth)\n"
                                   "cjson.decode_invalid_numbers(false)\n"
                                   "cjson.encode_invalid_numbers(false)\n"
                                   "cjson.encode_number_precision(14)\n" /* its most */
                                   "cjson.encode_sparse_array(false, 1, 0)\n"
                                   "cjson.encode_keep_buffer(true)\n"; /* else an error leaks it */

    lua_pushcfunction(L, luaopen_cjson);
    lua_call(L, 0, 1);
    if (luaL_loadstring(L, settings) != LUA_OK) lua_error(L);
    lua_pushvalue(L, -2);
    lua_pushinteger(L, JSON_DEPTH);
    lua_call(L, 2, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, CJSON);
}

/* Replaces the argument on top by the result. */
static void call_cjson(lua_State *L, const char *function)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, CJSON) == LUA_TNIL) {
        lua_pop(L, 1);
        open_cjson(L);
    }
    lua_getfield(L, -1, function);
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

static int is_marked(lua_State *L, int index)
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
    luaL_argcheck(L, is_marked(L, 1) || !lua_getmetatable(L, 1), 1, "the table has a metatable of its own");
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
    if (lua_rawgeti(L, table, 1) != LUA_TNIL) mark_array(L, table); /* an empty one comes as a token */
    lua_settop(L, table);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        if (mend(L)) set_field(L, table);
    return 0;
}

/* Raises when there is not so much memory left: lua-cjson leaks its own when Lua refuses it some on the way. */
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
        return api_fail(L, "invalid", "not valid JSON: %s (line %d, column %d)", check.error, check.line, check.column);
    if (check.text != text) lua_pushlstring(L, check.text, check.len);
    make_sure_of(L, check.memory + 4096);
    call_cjson(L, "decode");
    if (!check.plain) mend(L);
    return 1;
}

/* --- encode: the value on top is looked over, and replaced by what lua-cjson can carry; 1 when it is another now --- */

struct look {
    lua_State *L;
    int depth;
    size_t bytes; /* of text, at the least */
};

static int fit(struct look *look);

static int use_token(lua_State *L, const char *value)
{
    lua_pushfstring(L, "%s%s", json_token(), value);
    lua_remove(L, -2);
    return 1;
}

/* The shortest text that reads back as the same number. */
static int fit_number(lua_State *L)
{
    char text[40];
    double number = lua_tonumber(L, -1);
    int digits = 14;

    if (!isfinite(number)) luaL_error(L, "json.encode: JSON has no word for %s", isnan(number) ? "nan" : "inf");
    if (fabs(number) < short_enough && number == floor(number)) return 0;
    if (lua_isinteger(L, -1)) {
        snprintf(text, sizeof text, LUA_INTEGER_FMT, lua_tointeger(L, -1));
        return use_token(L, text);
    }
    while (snprintf(text, sizeof text, "%.*g", digits, number), strtod(text, NULL) != number)
        digits++;
    return digits == 14 ? 0 : use_token(L, text);
}

/* The limit ends also what tables that hold one another many times grow to. */
static void count(struct look *look, size_t bytes)
{
    look->bytes += bytes;
    if (look->bytes > JSON_BYTES) luaL_error(look->L, "json.encode: more than %d bytes", JSON_BYTES);
}

/* The key below the value on top. Returns 1 for a list's place, 0 for a name. */
static int check_key(struct look *look, lua_Integer *highest)
{
    lua_State *L = look->L;

    count(look, 1);
    if (lua_type(L, -2) == LUA_TSTRING) return count(look, lua_rawlen(L, -2)), 0;
    if (!lua_isinteger(L, -2)) luaL_error(L, "json.encode: a field name that is a %s", luaL_typename(L, -2));
    lua_Integer place = lua_tointeger(L, -2);
    if (place < 1) luaL_error(L, "json.encode: a list begins at 1, not at %I", place);
    if (place > *highest) *highest = place;
    return 1;
}

static void push_copy(lua_State *L, int table)
{
    lua_newtable(L);
    int copy = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        set_field(L, copy);
}

/* A table in which something does not fit is replaced by a copy. */
static int fit_fields(struct look *look, int table)
{
    lua_State *L = look->L;
    int marked = is_marked(L, table), names = 0, copy = table + 1;
    lua_Integer places = 0, highest = 0;

    lua_pushnil(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        int place = check_key(look, &highest);
        places += place;
        names += !place;
        if (names && (marked || places)) luaL_error(L, "json.encode: a table with both a list and named fields");
        if (!fit(look)) continue;
        if (lua_isnil(L, copy)) {
            push_copy(L, table);
            lua_replace(L, copy);
        }
        set_field(L, copy);
    }
    if (highest != places) luaL_error(L, "json.encode: a list with a hole (use json.null)");
    int copied = !lua_isnil(L, copy);
    lua_remove(L, copied ? table : copy);
    return marked && !places ? use_token(L, "[]") : copied;
}

static int fit_table(struct look *look)
{
    if (++look->depth > JSON_DEPTH) luaL_error(look->L, "json.encode: nested too deep, or in a circle");
    luaL_checkstack(look->L, 12, "JSON");
    int another = fit_fields(look, lua_gettop(look->L));
    look->depth--;
    return another;
}

static int fit(struct look *look)
{
    lua_State *L = look->L;

    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        count(look, lua_rawlen(L, -1));
        return 0;
    case LUA_TBOOLEAN:
        return 0;
    case LUA_TNUMBER:
        return fit_number(L);
    case LUA_TTABLE:
        return fit_table(look);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, -1)) return 0;
        /* fall through */
    default:
        return luaL_error(L, "json.encode: JSON has no word for a %s", luaL_typename(L, -1));
    }
}

/* lua-cjson's buffer stays as large as its longest text. */
static void give_back(lua_State *L)
{
    for (int keep = 0; keep < 2; keep++) {
        lua_pushboolean(L, keep);
        call_cjson(L, "encode_keep_buffer");
        lua_pop(L, 1);
    }
}

void api_json_push(lua_State *L, int index)
{
    size_t len;

    luaL_checkstack(L, 4, "JSON");
    lua_pushvalue(L, index);
    fit(&(struct look){ .L = L });
    call_cjson(L, "encode");
    const char *text = lua_tolstring(L, -1, &len);
    if (len > KEPT) give_back(L);
    const char *finished = json_text_finish(text, &len);
    if (finished == text) return;
    lua_pushlstring(L, finished, len);
    lua_remove(L, -2);
}

static int encode(lua_State *L)
{
    luaL_checkany(L, 1);
    api_json_push(L, 1);
    return 1;
}

int api_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "decode", decode }, { "encode", encode }, { "array", array }, { NULL, NULL } };

    luaL_newmetatable(L, ARRAY);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
