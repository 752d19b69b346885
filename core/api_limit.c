/* core.limit: see scripts/meta/limit.lua. */
#include "api.h"
#include "clock.h"
#include "limiter.h"

#include <lauxlib.h>

/* The group's key and how many times as much its bucket holds, if there is one. */
static struct limiter_key group_of(lua_State *L, struct limiter_bucket bucket)
{
    struct limiter_key group = { .bucket = bucket };

    if (lua_isnoneornil(L, 5)) return group;
    luaL_checktype(L, 5, LUA_TSTRING);
    group.text = lua_tolstring(L, 5, &group.len);
    lua_Integer times = luaL_checkinteger(L, 6);
    luaL_argcheck(L, times >= 1 && times <= 1000, 6, "times, from 1 on");
    group.bucket.burst *= times;
    return group;
}

/* limit.take(key, burst, seconds, cost, group, times) -> allowed, left, full, wait */
static int take(lua_State *L)
{
    size_t len;
    struct limiter *limiter = api_core(L)->limiter;

    luaL_checktype(L, 1, LUA_TSTRING);
    const char *key = lua_tolstring(L, 1, &len);
    lua_Integer burst = luaL_checkinteger(L, 2), cost = luaL_optinteger(L, 4, 1);
    lua_Number seconds = luaL_checknumber(L, 3);
    luaL_argcheck(L, burst >= 1 && burst <= 1000000000, 2, "tokens, from 1 on");
    luaL_argcheck(L, seconds >= 0.001 && seconds <= 1e8, 3, "seconds, above 0");
    luaL_argcheck(L, cost >= 0 && cost <= 1000000000, 4, "tokens, from 0 on");
    if (!limiter) return luaL_error(L, "there is no limiter here");
    struct limiter_bucket bucket = { burst, (int64_t)(seconds * 1e6) };
    struct limiter_key group = group_of(L, bucket), own = { key, len, bucket };
    struct limiter_answer answer =
        group.text ? limiter_take_both(limiter, group, own, cost, clock_now_us())
                   : limiter_take(limiter, key, len, bucket, cost, clock_now_us());
    lua_pushboolean(L, answer.allowed);
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
