/* core.limit: see scripts/meta/limit.lua. */
#include "api.h"
#include "clock.h"
#include "limiter.h"

#include <lauxlib.h>

static struct limiter_key key_at(lua_State *L, int arg, struct limiter_bucket bucket)
{
    struct limiter_key key = { .bucket = bucket };
    luaL_checktype(L, arg, LUA_TSTRING);
    key.text = lua_tolstring(L, arg, &key.len);
    return key;
}

/* limit.take(key, burst, seconds, cost, group, times) -> allowed, left, full, wait */
static int take(lua_State *L)
{
    struct limiter *limiter = api_core(L)->limiter;
    lua_Integer burst = luaL_checkinteger(L, 2), cost = luaL_optinteger(L, 4, 1);
    lua_Number seconds = luaL_checknumber(L, 3);
    luaL_argcheck(L, burst >= 1 && burst <= 1000000000, 2, "tokens, at least 1");
    luaL_argcheck(L, seconds >= 0.001 && seconds <= 1e8, 3, "seconds, above 0");
    luaL_argcheck(L, cost >= -1000000000 && cost <= 1000000000, 4, "tokens");
    if (!limiter) return luaL_error(L, "there is no limiter here");
    struct limiter_bucket bucket = { burst, (int64_t)(seconds * 1e6) };
    struct limiter_key key = key_at(L, 1, bucket);
    struct limiter_answer answer;
    if (lua_isnoneornil(L, 5)) {
        answer = limiter_take(limiter, key, cost, clock_now_us());
    } else {
        lua_Integer times = luaL_checkinteger(L, 6);
        luaL_argcheck(L, times >= 1 && times <= 1000, 6, "times, at least 1");
        bucket.burst *= times;
        answer = limiter_take_both(limiter, key_at(L, 5, bucket), key, cost, clock_now_us());
    }
    lua_pushboolean(L, answer.is_allowed);
    lua_pushinteger(L, answer.left);
    lua_pushnumber(L, (lua_Number)answer.full_us / 1e6);
    lua_pushnumber(L, (lua_Number)answer.wait_us / 1e6);
    return 4;
}

int api_limit_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "take", take }, { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
