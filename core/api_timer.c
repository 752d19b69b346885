/* core.timer: see scripts/meta/timer.lua. */
#include "api.h"
#include "api_script_version.h"
#include "clock.h"
#include "file.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ZONE_BYTES = 64 << 10, MAX_ZONE_NAME = 64 };

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

static int to_real(lua_State *L)
{
    lua_pushnumber(L, (double)clock_to_real_ms(api_seconds(L, 1)) / 1000);
    return 1;
}

static int is_zone_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_+-/";
    size_t len = strspn(name, letters);
    return len > 0 && len <= MAX_ZONE_NAME && !name[len] && name[0] != '/';
}

/* timer.zone(name) -> the zone's file; or nil, message, code */
static int zone(lua_State *L)
{
    size_t len;
    const char *name = luaL_checkstring(L, 1);
    if (!is_zone_name(name)) return api_fail(L, "invalid", "no time zone is named \"%s\"", name);
    const char *path = lua_pushfstring(L, "/usr/share/zoneinfo/%s", name);
    char *bytes = file_read(path, MAX_ZONE_BYTES, &len);
    if (!bytes) return api_fail(L, "missing", "%s: %s", path, strerror(errno));
    lua_pushlstring(L, bytes, len);
    free(bytes);
    return 1;
}

int api_timer_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "every", every }, { "now", now }, { "to_real", to_real }, { "zone", zone }, { NULL, NULL }
    };
    luaL_newlib(L, functions);
    return 1;
}
