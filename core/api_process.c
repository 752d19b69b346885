/* core.process: see scripts/meta/process.lua. */
#include "api.h"
#include "bundle.h"
#include "child.h"
#include "loop.h"
#include "settings.h"
#include "task.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HANDLE "core.process.handle"

enum { MAX_ARGUMENTS = 64, MAX_ENVIRONMENT = 64, DEFAULT_SECONDS = 30 };

/* What a task waits for. */
enum wanted { LINE, END };

/* A userdata; `ref` keeps it in the registry while the child lives. */
struct handle {
    lua_State *L; /* the main thread */
    struct child *child;
    int ref;
    int is_waiting;
    enum wanted wanted;
    struct task_ticket ticket;
};

static int push_line(lua_State *co, void *arg)
{
    size_t len;
    const char *line = child_line(arg, &len);
    if (!line) return 0;
    lua_pushlstring(co, line, len);
    return 1;
}

static int push_end(lua_State *co, void *arg)
{
    struct child *child = arg;
    lua_createtable(co, 0, 3);
    if (child_status(child) >= 0) api_set_integer(co, "status", child_status(child));
    api_set_text(co, "errors", child_errors(child));
    api_set_flag(co, "late", child_was_late(child));
    return 1;
}

static void on_change(void *arg)
{
    struct handle *handle = arg;
    size_t len;
    int has_ended = child_has_ended(handle->child);
    if (has_ended && handle->ref != LUA_NOREF) {
        luaL_unref(handle->L, LUA_REGISTRYINDEX, handle->ref);
        handle->ref = LUA_NOREF; /* a waiting task holds it on its stack */
    }
    if (!handle->is_waiting) return;
    if (handle->wanted == END && !has_ended) return;
    if (handle->wanted == LINE && !has_ended && !child_peek(handle->child, &len)) return;
    handle->is_waiting = 0;
    task_wake(handle->ticket, handle->wanted == LINE ? push_line : push_end, handle->child);
}

static void cancel_wait(void *arg)
{
    struct handle *handle = arg;
    handle->is_waiting = 0;
}

static int wait_for(lua_State *L, enum wanted wanted)
{
    struct handle *handle = luaL_checkudata(L, 1, HANDLE);
    task_check_wait(L);
    if (handle->is_waiting) return luaL_error(L, "another task waits for this process");
    size_t len;
    if (child_has_ended(handle->child) || (wanted == LINE && child_peek(handle->child, &len)))
        return wanted == LINE ? push_line(L, handle->child) : push_end(L, handle->child);
    handle->is_waiting = 1;
    handle->wanted = wanted;
    return task_wait(L, &handle->ticket, cancel_wait, handle);
}

static int handle_read(lua_State *L)
{
    return wait_for(L, LINE);
}

static int handle_wait(lua_State *L)
{
    return wait_for(L, END);
}

static int handle_kill(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, HANDLE);
    child_kill(handle->child);
    return 0;
}

static int handle_close(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, HANDLE);
    child_free(handle->child);
    handle->child = NULL;
    return 0;
}

/* --- starting one --- */

/* Fills `list` with the texts of the list option `key`, up to `room` of them. */
static void read_texts(lua_State *L, const char *key, const char **list, int room)
{
    int n = 0;
    if (lua_getfield(L, 1, key) == LUA_TTABLE)
        while (lua_rawgeti(L, -1, n + 1) == LUA_TSTRING) {
            if (n == room) luaL_error(L, "process.start: too many %s", key);
            list[n++] = lua_tostring(L, -1); /* lives as long as the options */
            lua_pop(L, 1);
        }
    lua_settop(L, 1);
    list[n] = NULL;
}

struct launch {
    const char *arguments[MAX_ARGUMENTS + 1], *environment[MAX_ENVIRONMENT + 3];
    char parent[32];
    struct child_options options;
};

/* They point into the table of options, which is at index 1. */
static void read_options(lua_State *L, struct launch *launch)
{
    static const char *const known[] = { "arguments", "environment", "input",    "seconds",
                                         "site",      "memory",      "prepared", NULL };
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    api_known_keys(L, 1, known);
    launch->arguments[0] = "--root";
    launch->arguments[1] = api_core(L)->settings->root;
    read_texts(L, "arguments", launch->arguments + 2, MAX_ARGUMENTS - 2);
    read_texts(L, "environment", launch->environment + 2, MAX_ENVIRONMENT);
    launch->environment[0] = "SITE_FD=";
    snprintf(launch->parent, sizeof launch->parent, "DEPLOYER_PARENT=%d", (int)getpid());
    launch->environment[1] = launch->parent;
#ifdef __SANITIZE_ADDRESS__
    int is_limited = 0; /* the sanitizer reserves terabytes */
#else
    int is_limited = 1;
#endif
    launch->options = (struct child_options){
        .arguments = launch->arguments,
        .environment = launch->environment,
        .input = api_text(L, 1, "input", ""),
        .fd = -1,
        .timeout_ms = (int64_t)(1000 * api_number(L, 1, "seconds", DEFAULT_SECONDS)),
        .max_bytes = is_limited ? (size_t)api_number(L, 1, "memory", 0) : 0
    };
    if (lua_getfield(L, 1, "input") == LUA_TSTRING) launch->options.input_len = lua_rawlen(L, -1);
    lua_settop(L, 1);
}

/* Gives the child a channel. 0; or -1 and errno. */
static int open_channel(struct launch *launch)
{
    launch->environment[0] = "SITE_FD=3";
    launch->options.fd = bundle_channel();
    return launch->options.fd < 0 ? -1 : 0;
}

/* --- one ahead --- */

/* The child of process.prepare(), until process.start() takes it. */
static struct {
    struct child *child; /* or NULL */
    int channel;
} ahead;

static void drop_ahead(void)
{
    if (!ahead.child) return;
    child_free(ahead.child);
    ahead.child = NULL;
    close(ahead.channel);
}

/* Lets the prepared child begin, with `site`. NULL: no child is ready. */
static struct child *take_ahead(const struct bundle *site, int64_t timeout_ms,
                                struct handle *handle)
{
    struct child *child = ahead.child;
    if (!child) return NULL;
    if (bundle_send(site, ahead.channel) != 0 ||
        child_go(child, timeout_ms, on_change, handle) != 0) {
        drop_ahead();
        return NULL;
    }
    ahead.child = NULL;
    close(ahead.channel);
    return child;
}

static void ignore(void *unused)
{
    (void)unused;
}

/* A failure only means that the next one starts later. */
static int prepare(lua_State *L)
{
    struct launch launch;
    read_options(L, &launch);
    if (ahead.child && !child_has_ended(ahead.child)) return 0;
    drop_ahead();
    if (open_channel(&launch) != 0) return 0;
    launch.options.is_ahead = 1;
    ahead.channel = launch.options.fd;
    ahead.child = child_start(api_core(L)->loop, &launch.options, ignore, NULL);
    if (!ahead.child) close(ahead.channel);
    return 0;
}

/* --- a new one --- */

/* `site` may be NULL. Returns NULL and errno. */
static struct child *start_new(lua_State *L, struct launch *launch, const struct bundle *site,
                               struct handle *handle)
{
    struct child *child = NULL;
    struct child_options *options = &launch->options;
    if (site && open_channel(launch) != 0) return NULL;
    if (!site || bundle_send(site, options->fd) == 0)
        child = child_start(api_core(L)->loop, options, on_change, handle);
    int error = errno;
    if (site) close(options->fd);
    errno = error;
    return child;
}

static int start(lua_State *L)
{
    struct launch launch;
    char *message = NULL;
    struct bundle *site = NULL;
    read_options(L, &launch);
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = (struct handle){ .L = vm_state(vm_of(L)), .ref = LUA_NOREF };
    int is_prepared = api_flag(L, 1, "prepared", 0);
    if (lua_getfield(L, 1, "site") != LUA_TNIL) site = api_read_bundle(L, 3, &message);
    lua_settop(L, 2);
    if (message) {
        int n = api_fail(L, "invalid", "%s", message);
        free(message);
        return n;
    }
    if (site && is_prepared) handle->child = take_ahead(site, launch.options.timeout_ms, handle);
    if (!handle->child) handle->child = start_new(L, &launch, site, handle);
    int error = errno;
    bundle_unref(site);
    if (!handle->child) return api_fail(L, "system", "%s", strerror(error));
    luaL_setmetatable(L, HANDLE);
    lua_pushvalue(L, -1);
    handle->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 1;
}

int api_process_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "start", start },
                                          { "prepare", prepare },
                                          { NULL, NULL } };
    static const luaL_Reg methods[] = {
        { "read", handle_read }, { "wait", handle_wait }, { "kill", handle_kill }, { NULL, NULL }
    };
    static const luaL_Reg life[] = { { "__gc", handle_close }, { NULL, NULL } };
    luaL_newmetatable(L, HANDLE);
    luaL_setfuncs(L, life, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
