/* core.config: runs config.lua, lets lib.settings check it and returns the result, read-only. See
 * scripts/meta/config.lua. */
#include "api.h"
#include "api_script_version.h"
#include "bundle.h"
#include "env.h"
#include "log.h"
#include "vm.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* --- the globals of config.lua --- */

int api_env(lua_State *L)
{
    lua_pushstring(L, env_get(luaL_checkstring(L, 1)));
    return 1;
}

/* secret "NAME": a placeholder for the secret, nil when it is unset; config.secret() has the value.
 * A secret that is set but cannot be read raises: a portal without its admin token must not start.
 */
static int secret_placeholder(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    char why[1024];
    if (env_secret_check(name, why, sizeof why) != 0) return luaL_error(L, "%s", why);
    if (!env_secret(name)) return 0;
    lua_createtable(L, 0, 1);
    api_set_text(L, "secret", name);
    return 1;
}

static int secret(lua_State *L)
{
    lua_pushstring(L, env_secret(luaL_checkstring(L, 1)));
    return 1;
}

static int refuse_name(lua_State *L)
{
    return luaL_error(L,
                      "there is no \"%s\" here (config.lua has env \"NAME\", secret \"NAME\" and "
                      "Lua's own string, math, table, ...)",
                      luaL_tolstring(L, 2, NULL));
}

/* Pushes config.lua's globals. */
static void push_globals(lua_State *L)
{
    static const char *const safe[] = { "assert", "error",    "ipairs",   "pairs",
                                        "select", "tonumber", "tostring", "type",
                                        "string", "table",    "math",     NULL };
    lua_newtable(L);
    lua_pushglobaltable(L);
    for (const char *const *name = safe; *name; name++) {
        lua_getfield(L, -1, *name);
        lua_setfield(L, -3, *name);
    }
    lua_pop(L, 1);
    lua_pushcfunction(L, api_env);
    lua_setfield(L, -2, "env");
    lua_pushcfunction(L, secret_placeholder);
    lua_setfield(L, -2, "secret");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, refuse_name);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

/* Calls the chunk on top of the stack with those globals, and pushes its result. */
static void run_chunk(lua_State *L)
{
    push_globals(L);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 1);
}

/* Pushes what config.lua returns. */
static void push_raw(lua_State *L, const char *root)
{
    const char *path = lua_pushfstring(L, "%s/config.lua", root);
    vm_push_chunk(L, path, "config.lua");
    lua_remove(L, -2);
    run_chunk(L);
}

/* Pushes what the installation's own config.lua returns; nil without one. */
static void push_site(lua_State *L, const struct bundle *site)
{
    const struct bundle_file *file = site ? bundle_find(site, "config.lua") : NULL;
    if (!file) {
        lua_pushnil(L);
        return;
    }
    if (luaL_loadbufferx(L, file->text, file->len, "@site/config.lua", "t") != LUA_OK) lua_error(L);
    run_chunk(L);
}

/* --- read-only --- */

/* A view of a table and of the tables in it. */
static const char read_only[] =
    "local function view(inner)\n"
    "  for key, value in pairs(inner) do\n"
    "    if type(value) == 'table' then inner[key] = view(value) end\n"
    "  end\n"
    "  local function refuse(_, key)\n"
    "    error(('the configuration is read-only: %s is set in config.lua'):format(key), 2)\n"
    "  end\n"
    "  return setmetatable({}, {\n"
    "    __index = inner, __newindex = refuse, __metatable = false,\n"
    "    __pairs = function() return next, inner end, __len = function() return #inner end,\n"
    "  })\n"
    "end\n"
    "return view(...)";

/* Replaces the table on top of the stack by a read-only view. */
static void make_read_only(lua_State *L)
{
    if (luaL_loadbufferx(L, read_only, sizeof read_only - 1, "=read-only", "t") != LUA_OK)
        lua_error(L);
    lua_insert(L, -2);
    lua_call(L, 1, 1);
}

/* --- settings for C, from the checked table on top of the stack --- */

static lua_Number number_at(lua_State *L, const char *table, const char *key)
{
    if (lua_getfield(L, -1, table) != LUA_TTABLE || lua_getfield(L, -1, key) != LUA_TNUMBER)
        luaL_error(L, "lib.settings gave no number %s.%s", table, key);
    lua_Number number = lua_tonumber(L, -1);
    lua_pop(L, 2);
    return number;
}

static void copy_text(lua_State *L, const char *key, char *to, size_t room)
{
    if (lua_getfield(L, -1, key) != LUA_TSTRING) luaL_error(L, "lib.settings gave no text %s", key);
    if (lua_rawlen(L, -1) >= room)
        luaL_error(L, "config.lua: %s: this is longer than %d bytes", key, (int)room - 1);
    snprintf(to, room, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
}

static int flag(lua_State *L, const char *key)
{
    lua_getfield(L, -1, key);
    int set = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return set;
}

static void read_log_level(lua_State *L, struct settings *settings)
{
    enum log_level level = LOG_INFO;
    if (lua_getfield(L, -1, "log_level") != LUA_TSTRING ||
        log_level_parse(lua_tostring(L, -1), &level) != 0)
        luaL_error(L, "lib.settings gave no log_level");
    settings->log_level = level;
    lua_pop(L, 1);
}

/* The rehearsal has a folder of its own inside. */
static void read_data_dir(lua_State *L, struct settings *settings)
{
    char given[2048];
    copy_text(L, "data_dir", given, sizeof given);
    int is_absolute = given[0] == '/';
    int len = snprintf(settings->data_dir, sizeof settings->data_dir, "%s%s%s%s",
                       is_absolute ? "" : settings->root, is_absolute ? "" : "/", given,
                       settings->is_rehearsal ? "/rehearsal" : "");
    if (len >= (int)sizeof settings->data_dir)
        luaL_error(L, "config.lua: data_dir: this is too long");
}

static void read_port(lua_State *L, struct settings *settings)
{
    lua_getfield(L, -1, "port");
    settings->port = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (settings->is_rehearsal) settings->port = (int)number_at(L, "rehearsal_server", "port");
}

static void read_settings(lua_State *L, struct settings *settings)
{
    copy_text(L, "host", settings->host, sizeof settings->host);
    read_port(L, settings);
    read_data_dir(L, settings);
    read_log_level(L, settings);
    settings->is_production = flag(L, "production");
    settings->has_watch = flag(L, "watch") && !settings->is_rehearsal;
    settings->max_body = (int64_t)number_at(L, "limits", "max_body");
    settings->max_connections = (int)number_at(L, "limits", "max_connections");
    settings->script_ms = (int)(number_at(L, "limits", "script_seconds") * 1000);
    settings->script_bytes = (size_t)number_at(L, "limits", "script_memory");
}

/* --- the module --- */

int api_config_open(lua_State *L)
{
    struct settings *settings = &script_version_of(L, NULL)->settings;
    vm_push_module(L, "lib.settings");
    if (!lua_istable(L, -1) || lua_getfield(L, -1, "check") != LUA_TFUNCTION)
        return luaL_error(L, "lib.settings has no function check");
    push_raw(L, settings->root);
    lua_pushcfunction(L, api_env);
    lua_pushstring(L, settings->is_rehearsal ? "rehearsal" : "portal");
    lua_pushcfunction(L, secret);
    push_site(L, vm_site(L));
    lua_call(L, 5, 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    read_settings(L, settings);
    lua_pushcfunction(L, secret);
    lua_setfield(L, -2, "secret");
    make_read_only(L);
    return 1;
}
