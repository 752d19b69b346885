/* core.timer: see scripts/meta/timer.lua. */
#include "api.h"
#include "api_script_version.h"
#include "clock.h"

#include <lauxlib.h>

static int every(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    int64_t ms = api_seconds(L, 2);
    luaL_argcheck(L, ms >= 1, 2, "seconds, at least 0.001");
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_settop(L, 3);
    script_version_add_timer(L, name, ms);
    return 0;
}

static int now(lua_State *L)
{
    lua_pushnumber(L, (double)clock_now_us() / 1e6);
    return 1;
}

int api_timer_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "every", every }, { "now", now }, { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
