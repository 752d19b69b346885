/* core.shared: see scripts/meta/shared.lua. */
#include "api.h"
#include "shared.h"
#include <lauxlib.h>

struct text {
    const char *bytes;
    size_t len;
};

static struct shared *shared_of(lua_State *L)
{
    struct shared *shared = api_core(L)->shared;
    if (!shared) luaL_error(L, "there is no shared table here");
    return shared;
}

static struct text check_key(lua_State *L)
{
    struct text key;
    luaL_checktype(L, 1, LUA_TSTRING);
    key.bytes = lua_tolstring(L, 1, &key.len);
    return key;
}

static struct value check_value(lua_State *L, int index)
{
    struct value value;
    if (!api_read_value(L, index, &value))
        luaL_argerror(L, index,
                      lua_pushfstring(L, "a %s cannot be shared, only a string, number or boolean",
                                      luaL_typename(L, index)));
    return value;
}

/* Argument `index` in milliseconds; 0 when it is missing: never expires. */
static int64_t check_seconds(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index)) return 0;
    lua_Number seconds = luaL_checknumber(L, index);
    if (!(seconds > 0 && seconds < 1e9)) luaL_argerror(L, index, "seconds must be above 0");
    return seconds < 0.001 ? 1 : (int64_t)(seconds * 1000);
}

static int get(lua_State *L)
{
    struct text key = check_key(L);
    struct value v = shared_get(shared_of(L), key.bytes, key.len);
    api_push_value(L, &v);
    return 1;
}

static int set(lua_State *L)
{
    struct text key = check_key(L);
    struct value v = check_value(L, 2);
    int64_t ttl_ms = check_seconds(L, 3);
    shared_set(shared_of(L), key.bytes, key.len, v, ttl_ms);
    return 0;
}

static int add(lua_State *L)
{
    struct text key = check_key(L);
    struct value v = check_value(L, 2);
    int64_t ttl_ms = check_seconds(L, 3);
    luaL_argcheck(L, v.type != VALUE_NONE, 2, "nil cannot be added");
    int absent = shared_get(shared_of(L), key.bytes, key.len).type == VALUE_NONE;
    if (absent) shared_set(shared_of(L), key.bytes, key.len, v, ttl_ms);
    lua_pushboolean(L, absent);
    return 1;
}

static int incr(lua_State *L)
{
    struct text key = check_key(L);
    lua_settop(L, 3);
    if (lua_isnil(L, 2)) {
        lua_pushinteger(L, 1);
        lua_replace(L, 2);
    }
    luaL_checktype(L, 2, LUA_TNUMBER);
    int64_t ttl_ms = check_seconds(L, 3);
    struct value old = shared_get(shared_of(L), key.bytes, key.len);
    if (old.type == VALUE_NONE)
        old.type = VALUE_INTEGER; /* of value 0 */
    else
        ttl_ms = SHARED_SAME_TTL;
    if (old.type != VALUE_INTEGER && old.type != VALUE_NUMBER)
        luaL_argerror(L, 1, "the key holds no number");
    api_push_value(L, &old);
    lua_pushvalue(L, 2);
    lua_arith(L, LUA_OPADD);
    shared_set(shared_of(L), key.bytes, key.len, check_value(L, lua_gettop(L)), ttl_ms);
    return 1;
}

/* Adds the key to the list on top of the stack. */
static void add_key(const char *key, size_t key_len, struct value value, void *L)
{
    lua_pushlstring(L, key, key_len);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static int keys(lua_State *L)
{
    struct text prefix = { "", 0 };
    if (!lua_isnoneornil(L, 1)) prefix = check_key(L);
    lua_newtable(L);
    shared_each(shared_of(L), prefix.bytes, prefix.len, add_key, L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "table");
    lua_getfield(L, -1, "sort");
    lua_pushvalue(L, -4);
    lua_call(L, 1, 0);
    lua_pop(L, 2);
    return 1;
}

int api_shared_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "get", get },   { "set", set },   { "add", add },
                                          { "incr", incr }, { "keys", keys }, { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
