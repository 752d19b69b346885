/* core.site: see scripts/meta/site.lua. */
#include "api.h"
#include "api_script_version.h"
#include "bundle.h"
#include "loop.h"
#include "mem.h"
#include "task.h"

#include <lauxlib.h>

/* --- bundles as tables --- */

struct bundle *api_read_bundle(lua_State *L, int index, char **message)
{
    luaL_checktype(L, index, LUA_TTABLE);
    struct bundle *bundle = bundle_new();
    *message = NULL;
    for (lua_pushnil(L); !*message && lua_next(L, index); lua_pop(L, 1)) {
        size_t len;
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
            *message = mem_text("files are { [\"path\"] = \"text\" }");
        } else {
            const char *text = lua_tolstring(L, -1, &len);
            *message = bundle_add(bundle, lua_tostring(L, -2), text, len);
        }
    }
    if (!*message) *message = bundle_seal(bundle);
    if (!*message) return bundle;
    bundle_unref(bundle);
    return NULL;
}

static int fail(lua_State *L, char *message)
{
    int n = api_fail(L, "invalid", "%s", message);
    free(message);
    return n;
}

static void push_files(lua_State *L, const struct bundle *bundle)
{
    lua_createtable(L, 0, bundle ? bundle->count : 0);
    for (int i = 0; bundle && i < bundle->count; i++) {
        lua_pushlstring(L, bundle->files[i].text, bundle->files[i].len);
        lua_setfield(L, -2, bundle->files[i].path);
    }
}

/* --- this version's --- */

static int files(lua_State *L)
{
    push_files(L, vm_site(L));
    return 1;
}

static int read(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    const struct bundle *site = vm_site(L);
    const struct bundle_file *file = site ? bundle_find(site, path) : NULL;
    if (!file) return 0;
    lua_pushlstring(L, file->text, file->len);
    return 1;
}

/* The files are sorted, and so are the names. */
static int list(lua_State *L)
{
    size_t len;
    const char *folder = luaL_checklstring(L, 1, &len);
    const struct bundle *site = vm_site(L);
    lua_newtable(L);
    for (int i = 0; site && i < site->count; i++) {
        const char *path = site->files[i].path;
        if (len && (strncmp(path, folder, len) != 0 || path[len] != '/')) continue;
        const char *name = len ? path + len + 1 : path;
        if (strchr(name, '/')) continue;
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
    return 1;
}

static int hash(lua_State *L)
{
    char *message;
    struct bundle *bundle = api_read_bundle(L, 1, &message);
    if (!bundle) return fail(L, message);
    lua_pushstring(L, bundle->hash);
    bundle_unref(bundle);
    return 1;
}

/* --- folders on the disk --- */

static const char *folder_argument(lua_State *L, int index)
{
    return luaL_optstring(L, index, script_version_of(L, NULL)->server->site_folder);
}

static int read_folder(lua_State *L)
{
    char *message;
    struct bundle *bundle = bundle_read(folder_argument(L, 1), &message);
    if (!bundle) return fail(L, message);
    push_files(L, bundle);
    bundle_unref(bundle);
    return 1;
}

static int write_folder(lua_State *L)
{
    char *message;
    const char *folder = folder_argument(L, 2);
    struct bundle *bundle = api_read_bundle(L, 1, &message);
    if (!bundle) return fail(L, message);
    message = bundle_write(bundle, folder);
    bundle_unref(bundle);
    if (message) return fail(L, message);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- putting a version into force --- */

struct activation {
    struct server *server;
    struct bundle *site;
    int number;
    struct task_ticket ticket;
};

static void cancel_activation(void *arg)
{
    struct activation *activation = arg;
    activation->ticket.task = NULL; /* it goes on, and nobody is told */
}

static int push_error(lua_State *co, void *arg)
{
    const struct vm_error *error = arg;
    lua_pushnil(co);
    lua_createtable(co, 0, 3);
    api_set_text(co, "file", error->file);
    api_set_integer(co, "line", error->line);
    api_set_text(co, "message", error->message);
    lua_pushliteral(co, "refused");
    return 3;
}

static int push_true(lua_State *co, void *unused)
{
    (void)unused;
    lua_pushboolean(co, 1);
    return 1;
}

/* After the turn, because loading is a turn of another state. */
static void on_activation(void *arg)
{
    struct activation *activation = arg;
    struct server *server = activation->server;
    struct vm_error error;
    int failed = server->replace(activation->site, activation->number, &error, server->arg);
    bundle_unref(activation->site);
    if (activation->ticket.task)
        task_wake(activation->ticket, failed ? push_error : push_true, &error);
    free(activation);
}

static int activate(lua_State *L)
{
    struct server *server = script_version_of(L, NULL)->server;
    lua_Integer number = luaL_checkinteger(L, 2);
    char *message;
    task_check_wait(L);
    if (!server->replace) return luaL_error(L, "site.activate: only in the portal");
    struct bundle *site = api_read_bundle(L, 1, &message);
    if (!site) return fail(L, message);
    struct activation *activation = mem_new(1, sizeof *activation);
    *activation = (struct activation){ .server = server, .site = site, .number = (int)number };
    loop_defer(server->core->loop, on_activation, activation);
    return task_wait(L, &activation->ticket, cancel_activation, activation);
}

static int reject(lua_State *L)
{
    struct vm_error error = { 0 };
    luaL_checktype(L, 1, LUA_TTABLE);
    snprintf(error.file, sizeof error.file, "%s", api_text(L, 1, "file", ""));
    snprintf(error.message, sizeof error.message, "%s", api_text(L, 1, "message", ""));
    error.line = (int)api_number(L, 1, "line", 0);
    script_version_reject(script_version_of(L, NULL)->server, &error);
    return 0;
}

int api_site_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "files", files },
                                          { "read", read },
                                          { "list", list },
                                          { "hash_of", hash },
                                          { "read_folder", read_folder },
                                          { "write_folder", write_folder },
                                          { "activate", activate },
                                          { "reject", reject },
                                          { NULL, NULL } };
    const struct bundle *site = vm_site(L);
    luaL_newlib(L, functions);
    api_set_text(L, "hash", site ? site->hash : "");
    lua_getfield(L, LUA_REGISTRYINDEX, "core.script_version");
    const struct script_version *version = lua_touserdata(L, -1);
    lua_pop(L, 1);
    api_set_text(L, "folder", version ? version->server->site_folder : "");
    api_set_text(L, "stuck", version ? version->server->stuck_site : "");
    return 1;
}
