/* core.server: see scripts/meta/server.lua. */
#include "api_server.h"
#include "api.h"
#include "mem.h"
#include "router.h"
#include "sse.h"
#include "store.h"
#include "task.h"
#include "www.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <sys/stat.h>

/* --- registering --- */

/* Argument 1 is the method, argument 2 the pattern. */
static void note_route(lua_State *L, const struct generation *generation)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->routes);
    lua_createtable(L, 2, 0);
    for (int i = 1; i <= 2; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

/* Argument 4: the level of the line that each request leaves in the log. */
static enum log_level log_level_option(lua_State *L)
{
    static const char *const known[] = { "log", NULL };
    enum log_level level = LOG_INFO;

    if (lua_isnil(L, 4)) return level;
    api_known_keys(L, 4, known);
    const char *word = api_text(L, 4, "log", "info");
    if (log_level_parse(word, &level) != 0)
        luaL_error(L, "option log must be debug, info, warn or error, not %s", word);
    return level;
}

static int route(lua_State *L)
{
    const char *method = luaL_checkstring(L, 1), *pattern = luaL_checkstring(L, 2);

    luaL_checktype(L, 3, LUA_TFUNCTION);
    struct generation *generation = generation_of(L, "server.route");
    lua_settop(L, 4);
    enum log_level level = log_level_option(L);
    lua_settop(L, 3);
    const char *wrong = router_add(generation->router, method, pattern, generation->nhandlers);
    if (wrong) return luaL_error(L, "server.route: %s %s: %s", method, pattern, wrong);
    generation->handlers = mem_grow(generation->handlers, (size_t)generation->nhandlers + 1,
                                    sizeof *generation->handlers);
    generation->handlers[generation->nhandlers++] =
        (struct handler){ luaL_ref(L, LUA_REGISTRYINDEX), level };
    note_route(L, generation);
    return 0;
}

/* A copy of the list: what a script does to it changes nothing. */
static int routes(lua_State *L)
{
    struct generation *generation = generation_of(L, NULL);

    lua_newtable(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->routes);
    for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, -1); i <= n; i++) {
        lua_createtable(L, 0, 2);
        lua_rawgeti(L, -2, i);
        lua_rawgeti(L, -1, 1);
        lua_setfield(L, -3, "method");
        lua_rawgeti(L, -1, 2);
        lua_setfield(L, -3, "pattern");
        lua_pop(L, 1);
        lua_rawseti(L, -3, i);
    }
    lua_pop(L, 1);
    return 1;
}

static int middleware(lua_State *L)
{
    struct generation *generation = generation_of(L, "server.middleware");

    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (generation->middleware != LUA_NOREF)
        return luaL_error(L, "server.middleware: only one function can be registered");
    lua_settop(L, 1);
    generation->middleware = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int on_error(lua_State *L)
{
    struct generation *generation = generation_of(L, "server.on_error");

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    luaL_unref(L, LUA_REGISTRYINDEX, generation->on_error);
    generation->on_error = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int on_start(lua_State *L)
{
    struct generation *generation = generation_of(L, "server.on_start");

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->on_start);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    return 0;
}

static int on_check(lua_State *L)
{
    struct generation *generation = generation_of(L, "server.on_check");

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    luaL_unref(L, LUA_REGISTRYINDEX, generation->on_check);
    generation->on_check = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int pure(lua_State *L)
{
    const char *folder = luaL_checkstring(L, 1);

    generation_of(L, "server.pure");
    vm_set_pure(L, folder);
    return 0;
}

/* --- what the process is doing --- */

static void set_text(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, lua_Number value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, key);
}

static void set_rejected(lua_State *L, const struct server *server)
{
    if (!server->was_rejected) return;
    lua_createtable(L, 0, 4);
    set_text(L, "file", server->rejected.file);
    set_integer(L, "line", server->rejected.line);
    set_text(L, "message", server->rejected.message);
    set_number(L, "at", server->rejected_at);
    lua_setfield(L, -2, "rejected");
}

static int now(lua_State *L)
{
    lua_pushnumber(L, api_clock());
    return 1;
}

static int info(lua_State *L)
{
    struct generation *generation = generation_of(L, NULL);
    struct server *server = generation->server;
    struct core *core = server->core;

    lua_createtable(L, 0, 13);
    set_text(L, "version", VERSION);
    set_integer(L, "generation", server->loads);
    set_number(L, "loaded_at", server->loaded_at);
    set_number(L, "started_at", server->started_at);
    set_rejected(L, server);
    lua_pushboolean(L, server->draining);
    lua_setfield(L, -2, "draining");
    set_text(L, "mode", generation->settings.rehearsal ? "rehearsal" : "portal");
    lua_createtable(L, 0, 1);
    if (core->store) set_text(L, "trouble", store_trouble(core->store));
    lua_setfield(L, -2, "store");
    set_integer(L, "tasks", task_count());
    set_integer(L, "streams", core->sse ? sse_count(core->sse, NULL) : 0);
    set_integer(L, "connections", core->httpd ? httpd_connections(core->httpd) : 0);
    set_integer(L, "memory", (lua_Integer)vm_bytes(generation->vm));
    return 1;
}

/* --- files of www/ and locales/ --- */

static int asset(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct core *core = api_core(L);

    if (!core->www) {
        lua_pushfstring(L, "/assets/%s", path);
        return 1;
    }
    if (!www_find(core->www, path))
        return luaL_error(L, "server.asset: there is no file www/%s", path);
    lua_pushfstring(L, "/assets/%s/%s", www_version(core->www), path);
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
    struct generation *generation = generation_of(L, function);

    int is_ours =
        is_inside(path, "www") || is_inside(path, "locales") || is_inside(path, "scripts");
    if (!is_ours || strstr(path, ".."))
        luaL_error(L, "%s: %s is not below www/, locales/ or scripts/", function, path);
    return lua_pushfstring(L, "%s/%s", generation->server->root, path);
}

static int read_whole(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct stat file;
    luaL_Buffer text;
    const char *full = push_path(L, "server.read", path);

    if (stat(full, &file) != 0) return luaL_error(L, "server.read: %s: %s", path, strerror(errno));
    char *room = luaL_buffinitsize(L, &text, (size_t)file.st_size + 1);
    FILE *stream = fopen(full, "re"); /* nothing raises while it is open */
    size_t got = stream ? fread(room, 1, (size_t)file.st_size, stream) : 0;
    int failed = !stream || ferror(stream) ? errno : 0;
    if (stream) fclose(stream);
    if (failed) return luaL_error(L, "server.read: %s: %s", path, strerror(failed));
    luaL_pushresultsize(&text, got);
    return 1;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int list(lua_State *L)
{
    const char *folder = luaL_checkstring(L, 1);
    struct dirent **entries = NULL;
    const char *full = push_path(L, "server.list", folder);

    lua_newtable(L);
    int n = scandir(full, &entries, is_shown, alphasort);
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
                                          { "on_check", on_check },
                                          { "pure", pure },
                                          { "info", info },
                                          { "asset", asset },
                                          { "read", read_whole },
                                          { "list", list },
                                          { "now", now },
                                          { NULL, NULL } };

    luaL_newlib(L, functions);
    return 1;
}
