#include "api.h"
#include "api_server.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "router.h"
#include "task.h"

#include <lauxlib.h>
#include <malloc.h>

#define GENERATION "core.generation"

/* --- building --- */

static int on_close(lua_State *L)
{
    struct generation *generation = lua_touserdata(L, 1);

    while (generation->timers) {
        struct generation_timer *timer = generation->timers;
        generation->timers = timer->next;
        loop_timer_free(timer->timer);
        free(timer->name);
        free(timer);
    }
    router_free(generation->router);
    free(generation->handlers);
    return 0;
}

/* The generation lives in its own vm's registry. */
static struct generation *make(struct server *server, struct vm *vm)
{
    lua_State *L = vm_state(vm);
    struct generation *generation = lua_newuserdatauv(L, sizeof *generation, 0);

    *generation = (struct generation){ .server = server,
                                       .vm = vm,
                                       .on_error = LUA_NOREF,
                                       .on_check = LUA_NOREF,
                                       .middleware = LUA_NOREF };
    generation->router = router_new();
    api_server_view_open(L);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, on_close);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, GENERATION);
    lua_newtable(L);
    generation->on_start = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    generation->routes = luaL_ref(L, LUA_REGISTRYINDEX);
    return generation;
}

static int require_config(lua_State *L)
{
    vm_push_module(L, "core.config");
    return 0;
}

struct generation *generation_new(struct server *server, const struct settings *like,
                                  struct vm_error *error)
{
    char folder[4096];

    snprintf(folder, sizeof folder, "%s/scripts", like->root);
    struct vm *vm = vm_new(
        &(struct vm_options){ .folder = folder, .modules = api_modules, .context = server->core });
    if (!vm) {
        *error = (struct vm_error){ .message = "out of memory" };
        return NULL;
    }
    struct generation *generation = make(server, vm);
    generation->settings = *like;
    if (vm_call(vm, require_config, 0, error) != 0) {
        vm_unref(vm);
        return NULL;
    }
    vm_limit(vm, generation->settings.script_bytes, generation->settings.script_ms);
    return generation;
}

int generation_load(struct generation *generation, struct vm_error *error)
{
    generation->number = generation->server->loads + 1;
    generation->loading = 1;
    int failed = vm_run_file(generation->vm, generation->server->init, error);
    generation->loading = 0;
    return failed;
}

void generation_drop(struct generation *generation)
{
    if (generation) vm_unref(generation->vm);
}

struct generation *generation_of(lua_State *L, const char *what)
{
    lua_getfield(L, LUA_REGISTRYINDEX, GENERATION);
    struct generation *generation = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!generation) luaL_error(L, "there is no server here");
    if (what && !generation->loading)
        luaL_error(L,
                   "%s: only while the scripts load (at the top of a file, not inside a function "
                   "that runs later)",
                   what);
    return generation;
}

/* --- timers --- */

void generation_add_timer(lua_State *L, const char *name, int64_t ms)
{
    struct generation *generation = generation_of(L, "timer.every");
    char full[128];

    snprintf(full, sizeof full, "timer.%s", name);
    for (struct generation_timer *other = generation->timers; other; other = other->next)
        if (strcmp(other->name, full) == 0)
            luaL_error(L, "timer.every: there is a timer named %s already", name);
    struct generation_timer *timer = mem_new(1, sizeof *timer);
    timer->generation = generation;
    timer->name = mem_text(full);
    timer->ms = ms;
    timer->fn = luaL_ref(L, LUA_REGISTRYINDEX);
    timer->next = generation->timers;
    generation->timers = timer;
}

/* The task's name sees to it that no two run at once; then this time is left out. */
static void on_timer(void *arg)
{
    struct generation_timer *timer = arg;
    lua_State *L = vm_state(timer->generation->vm);

    lua_rawgeti(L, LUA_REGISTRYINDEX, timer->fn);
    task_spawn(timer->generation->server->core->loop, L, timer->name, 0, NULL, NULL);
}

static void start_timers(struct generation *generation)
{
    for (struct generation_timer *timer = generation->timers; timer; timer = timer->next)
        timer->timer =
            loop_timer_new(generation->server->core->loop, timer->ms, timer->ms, on_timer, timer);
}

static void stop_timers(struct generation *generation)
{
    for (struct generation_timer *timer = generation->timers; timer; timer = timer->next) {
        loop_timer_free(timer->timer);
        timer->timer = NULL;
    }
}

/* --- in force --- */

void generation_retire(struct server *server)
{
    struct generation *generation = server->current;

    server->current = NULL;
    if (!generation) return;
    stop_timers(generation);
    vm_unref(generation->vm); /* what it still runs holds it */
}

void generation_take(struct generation *generation)
{
    struct server *server = generation->server;

    generation_retire(server);
    server->current = generation;
    server->loads = generation->number;
    server->loaded_at = api_clock();
    server->was_rejected = 0;
    lua_gc(vm_state(generation->vm), LUA_GCCOLLECT); /* what only the loading needed */
    malloc_trim(0);
    start_timers(generation);
}

struct start {
    void (*done)(const char *message, void *arg);
    void *arg;
};

static void on_started(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                       const char *message, void *arg)
{
    struct start *start = arg;

    (void)task, (void)co, (void)nresults;
    start->done(outcome == TASK_OK ? NULL : message, start->arg);
    free(start);
}

/* Calls each function of the list, one after the other; the context is the number of the next. */
static int run_starts(lua_State *L, int status, lua_KContext next)
{
    (void)status;
    lua_settop(L, 1);
    for (lua_Integer i = (lua_Integer)next; lua_rawgeti(L, 1, i) != LUA_TNIL; i++)
        lua_callk(L, 0, 0, (lua_KContext)(i + 1), run_starts);
    return 0;
}

static int begin_starts(lua_State *L)
{
    return run_starts(L, LUA_OK, 1);
}

void generation_start(struct generation *generation, void (*done)(const char *message, void *arg),
                      void *arg)
{
    lua_State *L = vm_state(generation->vm);
    struct start *start = mem_new(1, sizeof *start);

    *start = (struct start){ done, arg };
    lua_pushcfunction(L, begin_starts);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->on_start);
    task_spawn(generation->server->core->loop, L, NULL, 1, on_started, start);
}
