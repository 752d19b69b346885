/* core.sse: see scripts/meta/sse.lua. */
#include "api.h"
#include "sse.h"

#include <lauxlib.h>

#define SUBSCRIPTION "core.sse.subscription"

/* Reads the event table at `index`; its texts live as long as the table. */
static struct sse_event read_event(lua_State *L, int index)
{
    static const char *const known[] = { "id", "event", "data", "last", NULL };
    struct sse_event event = { 0 };
    index = lua_absindex(L, index);
    api_known_keys(L, index, known);
    event.id = (int64_t)api_number(L, index, "id", -1);
    event.event = api_text(L, index, "event", NULL);
    event.is_last = api_flag(L, index, "last", 0);
    lua_pushliteral(L, "data");
    lua_rawget(L, index);
    event.data = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &event.len) : NULL;
    lua_pop(L, 1);
    if (event.id < 0 || !event.event || !event.data)
        luaL_error(L, "an event needs id (a number from 0 on), event and data (strings)");
    return event;
}

/* sse.subscribe(channel, options) -> subscription */
static int subscribe(lua_State *L)
{
    static const char *const known[] = { "client", "last_id", "replay", NULL };
    luaL_checkstring(L, 1);
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    api_known_keys(L, 2, known);
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "channel");
    api_set_number(L, "last_id", api_number(L, 2, "last_id", 0));
    api_set_text(L, "client", api_text(L, 2, "client", ""));
    if (lua_getfield(L, 2, "replay") != LUA_TNIL)
        luaL_argexpected(L, lua_istable(L, -1), 2, "replay as a list of events");
    lua_setfield(L, -2, "replay");
    luaL_setmetatable(L, SUBSCRIPTION);
    return 1;
}

static int publish(lua_State *L)
{
    const char *channel = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct sse_event event = read_event(L, 2);
    struct core *core = api_core(L);
    lua_pushinteger(L, core->sse ? sse_publish(core->sse, channel, &event) : 0);
    return 1;
}

static int has(lua_State *L)
{
    const char *channel = luaL_checkstring(L, 1);
    struct core *core = api_core(L);
    lua_pushboolean(L, core->sse && sse_has(core->sse, channel));
    return 1;
}

static int count(lua_State *L)
{
    const char *client = luaL_optstring(L, 1, NULL);
    struct core *core = api_core(L);
    lua_pushinteger(L, core->sse ? sse_count(core->sse, client) : 0);
    return 1;
}

/* The list is at the top of the stack. The events are in an array that Lua frees. */
static void read_replay(lua_State *L, struct sse_subscription *subscription)
{
    int n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
    if (n == 0) return;
    struct sse_event *events = lua_newuserdatauv(L, (size_t)n * sizeof *events, 0);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, -2, i + 1);
        events[i] = read_event(L, -1);
        lua_pop(L, 1);
    }
    subscription->replay = events;
    subscription->nreplay = n;
}

int api_sse_read(lua_State *L, int index, struct sse_subscription *subscription)
{
    if (!api_is_marked(L, index, SUBSCRIPTION)) return 0;
    lua_getfield(L, index, "last_id");
    subscription->last_id = (int64_t)lua_tonumber(L, -1);
    lua_getfield(L, index, "channel");
    subscription->channel = lua_tostring(L, -1);
    lua_getfield(L, index, "client");
    subscription->client = lua_tostring(L, -1);
    lua_getfield(L, index, "replay");
    read_replay(L, subscription);
    return 1;
}

int api_sse_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "subscribe", subscribe },
                                          { "publish", publish },
                                          { "has", has },
                                          { "count", count },
                                          { NULL, NULL } };
    luaL_newmetatable(L, SUBSCRIPTION);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
