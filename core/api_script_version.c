#include "api_script_version.h"
#include "api.h"
#include "clock.h"
#include "loop.h"
#include "mem.h"
#include "router.h"
#include "shared.h"
#include "task.h"

#include <lauxlib.h>
#include <malloc.h>

#define SCRIPT_VERSION "core.script_version"

/* --- building --- */

static int on_gc(lua_State *L)
{
    struct script_version *version = lua_touserdata(L, 1);
    while (version->timers) {
        struct script_timer *timer = version->timers;
        version->timers = timer->next;
        loop_timer_free(timer->timer);
        free(timer->name);
        free(timer);
    }
    for (int i = 0; i < version->nroutes; i++) {
        free(version->routes[i].method);
        free(version->routes[i].pattern);
    }
    free(version->routes);
    router_free(version->router);
    return 0;
}

static struct script_version *make(struct server *server, struct vm *vm)
{
    lua_State *L = vm_state(vm);
    struct script_version *version = lua_newuserdatauv(L, sizeof *version, 0);
    *version = (struct script_version){ .server = server,
                                        .vm = vm,
                                        .router = router_new(),
                                        .on_error = LUA_NOREF,
                                        .on_check = LUA_NOREF,
                                        .on_reload = LUA_NOREF,
                                        .middleware = LUA_NOREF };
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, on_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, SCRIPT_VERSION);
    lua_newtable(L);
    version->on_start = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    version->on_replace = luaL_ref(L, LUA_REGISTRYINDEX);
    return version;
}

static int require_config(lua_State *L)
{
    vm_push_module(L, "core.config");
    return 0;
}

struct script_version *script_version_new(struct server *server, const struct settings *like,
                                          struct bundle *site, struct vm_error *error)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/scripts", like->root);
    struct vm *vm = vm_new(&(struct vm_options){
        .folder = folder, .site = site, .modules = server->modules, .context = server->core });
    struct script_version *version = make(server, vm);
    version->site = site;
    version->settings = *like;
    if (vm_call(vm, require_config, 0, error) != 0) {
        vm_unref(vm);
        return NULL;
    }
    vm_limit(vm, version->settings.script_bytes, version->settings.script_ms);
    return version;
}

int script_version_load(struct script_version *version, struct vm_error *error)
{
    version->number = version->server->loads + 1;
    version->is_loading = 1;
    int failed = vm_run_file(version->vm, version->server->init, error);
    version->is_loading = 0;
    return failed;
}

void script_version_free(struct script_version *version)
{
    if (version) vm_unref(version->vm);
}

struct script_version *script_version_of(lua_State *L, const char *what)
{
    lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_VERSION);
    struct script_version *version = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!version) luaL_error(L, "there is no server here");
    if (what && !version->is_loading)
        luaL_error(L,
                   "%s: only while the scripts load (at the top of a file, not inside a function "
                   "that runs later)",
                   what);
    return version;
}

/* --- timers --- */

void script_version_add_timer(lua_State *L, const char *name, int64_t interval_ms)
{
    struct script_version *version = script_version_of(L, "timer.every");
    char full_name[128];
    snprintf(full_name, sizeof full_name, "timer.%s", name);
    for (struct script_timer *other = version->timers; other; other = other->next)
        if (strcmp(other->name, full_name) == 0)
            luaL_error(L, "timer.every: there is a timer named %s already", name);
    struct script_timer *timer = mem_new(1, sizeof *timer);
    timer->version = version;
    timer->name = mem_text(full_name);
    timer->interval_ms = interval_ms;
    timer->fn = luaL_ref(L, LUA_REGISTRYINDEX);
    timer->next = version->timers;
    version->timers = timer;
}

/* The time of a timer's last run, or of its first start, is kept over reloads: otherwise a timer
 * with an interval longer than the time between two edits would never run. */
static void set_last_run(struct shared *shared, const char *name)
{
    struct value now = { .type = VALUE_INTEGER, .integer = clock_now_us() };
    if (shared) shared_set(shared, name, strlen(name), now, 0);
}

/* Milliseconds until it is due. */
static int64_t first_delay(struct shared *shared, const struct script_timer *timer)
{
    struct value last = { .type = VALUE_NONE };
    if (shared) last = shared_get(shared, timer->name, strlen(timer->name));
    if (last.type != VALUE_INTEGER) {
        set_last_run(shared, timer->name);
        return timer->interval_ms;
    }
    int64_t left = timer->interval_ms - (clock_now_us() - last.integer) / 1000;
    return left < 1 ? 1 : left;
}

/* While the last run's task lives, its name is taken, and this run is skipped. */
static void on_timer(void *arg)
{
    struct script_timer *timer = arg;
    set_last_run(timer->version->server->core->shared, timer->name);
    lua_State *L = vm_state(timer->version->vm);
    lua_rawgeti(L, LUA_REGISTRYINDEX, timer->fn);
    task_spawn(timer->version->server->core->loop, L, timer->name, 0, NULL, NULL);
}

static void start_timers(struct script_version *version)
{
    struct core *core = version->server->core;
    for (struct script_timer *timer = version->timers; timer; timer = timer->next)
        timer->timer = loop_timer_new(core->loop, first_delay(core->shared, timer),
                                      timer->interval_ms, on_timer, timer);
}

static void stop_timers(struct script_version *version)
{
    for (struct script_timer *timer = version->timers; timer; timer = timer->next) {
        loop_timer_free(timer->timer);
        timer->timer = NULL;
    }
}

/* --- in force --- */

void script_version_retire(struct server *server)
{
    struct script_version *version = server->current;
    server->current = NULL;
    if (!version) return;
    stop_timers(version);
    vm_unref(version->vm); /* its running tasks hold it */
}

void script_version_reject(struct server *server, const struct vm_error *error)
{
    server->was_rejected = 1;
    server->rejected = *error;
    server->rejected_at = api_clock();
    if (!log_begin(LOG_ERROR, "scripts.rejected")) return;
    log_str("file", error->file);
    log_int("line", error->line);
    log_str("message", error->message);
    log_str("consequence", "the scripts loaded before stay active");
    log_end();
}

/* --- what runs once --- */

struct start {
    void (*done)(const char *message, void *arg);
    void *arg;
};

static void on_started(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                       const char *message, void *arg)
{
    struct start *start = arg;
    start->done(outcome == TASK_OK ? NULL : message, start->arg);
    free(start);
}

/* Calls each function of the list; the context is the index of the next. */
static int run_starts(lua_State *L, int status, lua_KContext next)
{
    lua_settop(L, 1);
    for (lua_Integer i = (lua_Integer)next; lua_rawgeti(L, 1, i) != LUA_TNIL; i++)
        lua_callk(L, 0, 0, (lua_KContext)(i + 1), run_starts);
    return 0;
}

static int begin_starts(lua_State *L)
{
    return run_starts(L, LUA_OK, 1);
}

/* Starts a task that calls the function and its nargs arguments on top of the stack. */
static void run_once(struct script_version *version, int nargs,
                     void (*done)(const char *message, void *arg), void *arg)
{
    struct start *start = mem_new(1, sizeof *start);
    *start = (struct start){ done, arg };
    task_spawn(version->server->core->loop, vm_state(version->vm), NULL, nargs, on_started, start);
}

/* The functions of a registered list, one after the other. */
static void run_list(struct script_version *version, int list,
                     void (*done)(const char *message, void *arg), void *arg)
{
    lua_State *L = vm_state(version->vm);
    lua_pushcfunction(L, begin_starts);
    lua_rawgeti(L, LUA_REGISTRYINDEX, list);
    run_once(version, 1, done, arg);
}

void script_version_start(struct script_version *version,
                          void (*done)(const char *message, void *arg), void *arg)
{
    run_list(version, version->on_start, done, arg);
}

static void log_failure(const char *message, void *unused)
{
    (void)unused;
    if (message) log_line(LOG_ERROR, "scripts.on_replace_failed", "%s", message);
}

void script_version_activate(struct script_version *version)
{
    struct server *server = version->server;
    int before = server->loads;
    script_version_retire(server);
    server->current = version;
    server->loads = version->number;
    server->loaded_at = api_clock();
    lua_gc(vm_state(version->vm), LUA_GCCOLLECT); /* what only the loading needed */
    malloc_trim(0);
    start_timers(version);
    if (before > 0) run_list(version, version->on_replace, log_failure, NULL);
}

int script_version_reload(struct server *server, void (*done)(const char *message, void *arg),
                          void *arg)
{
    struct script_version *version = server->current;
    if (version->on_reload == LUA_NOREF) return 0;
    lua_rawgeti(vm_state(version->vm), LUA_REGISTRYINDEX, version->on_reload);
    run_once(version, 0, done, arg);
    return 1;
}
