/* core.server: see scripts/meta/server.lua. */
#include "api.h"
#include "api_script_version.h"
#include "file.h"
#include "httpd.h"
#include "mem.h"
#include "router.h"
#include "sse.h"
#include "store.h"
#include "task.h"
#include "www.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>

enum { FILE_BYTES_MAX = 16 << 20 };

/* --- registering --- */

/* Argument 4: the level of the line that each request leaves in the log, and the longest body. */
static void read_route_options(lua_State *L, enum log_level *level, int64_t *max_body)
{
    static const char *const known[] = { "log", "max_body", NULL };
    api_known_keys(L, 4, known);
    const char *name = api_text(L, 4, "log", "info");
    if (log_level_parse(name, level) != 0)
        luaL_error(L, "option log must be debug, info, warn or error, not %s", name);
    lua_Number bytes = api_number(L, 4, "max_body", 0);
    if (!(bytes >= 0 && bytes <= API_MAX_BODY))
        luaL_error(L, "option max_body must be between 0 and %d bytes", API_MAX_BODY);
    *max_body = (int64_t)bytes;
}

/* server.route(method, pattern, handler, options) */
static int route(lua_State *L)
{
    const char *method = luaL_checkstring(L, 1), *pattern = luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    struct script_version *version = script_version_of(L, "server.route");
    enum log_level level = LOG_INFO;
    int64_t max_body = 0;
    if (!lua_isnoneornil(L, 4)) read_route_options(L, &level, &max_body);
    lua_settop(L, 3);
    const char *wrong = router_add(version->router, method, pattern, version->nroutes);
    if (wrong) return luaL_error(L, "server.route: %s %s: %s", method, pattern, wrong);
    int handler = luaL_ref(L, LUA_REGISTRYINDEX);
    version->routes =
        mem_grow(version->routes, (size_t)version->nroutes + 1, sizeof *version->routes);
    version->routes[version->nroutes++] = (struct script_route){
        .method = mem_text(method),
        .pattern = mem_text(pattern),
        .handler = handler,
        .log_level = level,
        .max_body = max_body,
    };
    return 0;
}

static int routes(lua_State *L)
{
    const struct script_version *version = script_version_of(L, NULL);
    lua_createtable(L, version->nroutes, 0);
    for (int i = 0; i < version->nroutes; i++) {
        lua_createtable(L, 0, 2);
        api_set_text(L, "method", version->routes[i].method);
        api_set_text(L, "pattern", version->routes[i].pattern);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

int api_takes_long_body(const char *method, const char *path, void *arg)
{
    const struct server *server = arg;
    const struct script_version *version = server->current;
    struct router_match match;
    return version && router_find(version->router, method, path, &match) == ROUTER_FOUND &&
           version->routes[match.value].max_body > 0;
}

/* Argument 1 takes the place of what was registered before. */
static int replace_function(lua_State *L, int *registered)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    luaL_unref(L, LUA_REGISTRYINDEX, *registered);
    *registered = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int middleware(lua_State *L)
{
    struct script_version *version = script_version_of(L, "server.middleware");
    if (version->middleware != LUA_NOREF)
        return luaL_error(L, "server.middleware: only one function can be registered");
    return replace_function(L, &version->middleware);
}

static int on_error(lua_State *L)
{
    return replace_function(L, &script_version_of(L, "server.on_error")->on_error);
}

static int on_check(lua_State *L)
{
    return replace_function(L, &script_version_of(L, "server.on_check")->on_check);
}

static int on_reload(lua_State *L)
{
    return replace_function(L, &script_version_of(L, "server.on_reload")->on_reload);
}

/* Adds argument 1 to a registered list. */
static int add_function(lua_State *L, int list)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_rawgeti(L, LUA_REGISTRYINDEX, list);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    return 0;
}

static int on_start(lua_State *L)
{
    return add_function(L, script_version_of(L, "server.on_start")->on_start);
}

static int on_replace(lua_State *L)
{
    return add_function(L, script_version_of(L, "server.on_replace")->on_replace);
}

static int pure(lua_State *L)
{
    const char *folder = luaL_checkstring(L, 1);
    script_version_of(L, "server.pure");
    vm_set_pure(L, folder);
    return 0;
}

/* --- state of the process --- */

static void set_rejected(lua_State *L, const struct server *server)
{
    if (!server->was_rejected) return;
    lua_createtable(L, 0, 4);
    api_set_text(L, "file", server->rejected.file);
    api_set_integer(L, "line", server->rejected.line);
    api_set_text(L, "message", server->rejected.message);
    api_set_number(L, "at", server->rejected_at);
    lua_setfield(L, -2, "rejected");
}

static int now(lua_State *L)
{
    lua_pushnumber(L, api_clock());
    return 1;
}

static int info(lua_State *L)
{
    const struct script_version *version = script_version_of(L, NULL);
    const struct server *server = version->server;
    const struct core *core = server->core;
    lua_createtable(L, 0, 13);
    api_set_text(L, "version", VERSION);
    api_set_integer(L, "generation", server->loads);
    api_set_number(L, "loaded_at", server->loaded_at);
    api_set_number(L, "started_at", server->started_at);
    set_rejected(L, server);
    api_set_flag(L, "draining", server->draining);
    api_set_text(L, "mode", version->settings.is_rehearsal ? "rehearsal" : "portal");
    lua_createtable(L, 0, 1);
    if (core->store) api_set_text(L, "trouble", store_trouble(core->store));
    lua_setfield(L, -2, "store");
    api_set_integer(L, "tasks", task_count());
    api_set_integer(L, "streams", core->sse ? sse_count(core->sse, NULL) : 0);
    api_set_integer(L, "connections", core->httpd ? httpd_connections(core->httpd) : 0);
    api_set_integer(L, "memory", (lua_Integer)vm_bytes(version->vm));
    return 1;
}

/* --- the files that pages are made of --- */

/* server.exempt(peer) */
static int exempt(lua_State *L)
{
    struct core *core = script_version_of(L, NULL)->server->core;
    const char *peer = luaL_checkstring(L, 1);
    if (core->httpd) httpd_exempt(core->httpd, peer);
    return 0;
}

/* server.too_large_page(html) */
static int too_large_page(lua_State *L)
{
    struct core *core = script_version_of(L, NULL)->server->core;
    size_t len;
    const char *html = luaL_checklstring(L, 1, &len);
    if (core->httpd) httpd_set_too_large_page(core->httpd, html, len);
    return 0;
}

/* Without www (in tests of a script alone) the path is returned as it is. */
static int asset(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    const struct core *core = api_core(L);
    char *url = core->www ? www_url(core->www, path) : mem_text(path);
    if (!url) return luaL_error(L, "server.asset: there is no file www/%s", path);
    lua_pushstring(L, url);
    free(url);
    return 1;
}

static int is_inside(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Pushes the full path of one below www/, locales/ or scripts/; raises for any other. */
static const char *push_path(lua_State *L, const char *function, const char *path)
{
    const struct script_version *version = script_version_of(L, function);
    int is_ours =
        is_inside(path, "www") || is_inside(path, "locales") || is_inside(path, "scripts");
    if (!is_ours || strstr(path, ".."))
        luaL_error(L, "%s: %s is not below www/, locales/ or scripts/", function, path);
    return lua_pushfstring(L, "%s/%s", version->server->root, path);
}

static int read_whole(lua_State *L)
{
    size_t len;
    const char *path = luaL_checkstring(L, 1);
    char *bytes = file_read(push_path(L, "server.read", path), FILE_BYTES_MAX, &len);
    if (!bytes) return luaL_error(L, "server.read: %s: %s", path, strerror(errno));
    lua_pushlstring(L, bytes, len); /* leaks `bytes` if Lua is out of memory */
    free(bytes);
    return 1;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int list(lua_State *L)
{
    const char *folder = luaL_checkstring(L, 1);
    const char *full_path = push_path(L, "server.list", folder);
    struct dirent **entries = NULL;
    lua_newtable(L);
    int n = scandir(full_path, &entries, is_visible, alphasort);
    if (n < 0) return luaL_error(L, "server.list: %s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        lua_pushstring(L, entries[i]->d_name);
        lua_rawseti(L, -2, i + 1);
        free(entries[i]);
    }
    free(entries);
    return 1;
}

int api_server_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "route", route },
                                          { "routes", routes },
                                          { "middleware", middleware },
                                          { "on_error", on_error },
                                          { "on_start", on_start },
                                          { "on_replace", on_replace },
                                          { "on_check", on_check },
                                          { "on_reload", on_reload },
                                          { "pure", pure },
                                          { "info", info },
                                          { "asset", asset },
                                          { "exempt", exempt },
                                          { "too_large_page", too_large_page },
                                          { "read", read_whole },
                                          { "list", list },
                                          { "now", now },
                                          { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
