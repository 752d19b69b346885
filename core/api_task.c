/* core.task: see scripts/meta/task.lua. */
#include "api.h"
#include "loop.h"
#include "mem.h"
#include "task.h"
#include "vm.h"

#include <lauxlib.h>
#include <sys/queue.h>

#define HANDLE "core.task.handle"
#define CLAIM "core.task.claim"

static int push_true(lua_State *co, void *unused)
{
    lua_pushboolean(co, 1);
    return 1;
}

static int push_timeout(lua_State *co, void *unused)
{
    return api_fail(co, "timeout", "the task did not end in time");
}

/* --- task.sleep --- */

struct sleep {
    struct task_ticket ticket;
    struct loop_timer *timer;
};

static void sleep_free(void *arg)
{
    struct sleep *sleep = arg;
    loop_timer_free(sleep->timer);
    free(sleep);
}

static void on_wake_up(void *arg)
{
    struct sleep *sleep = arg;
    struct task_ticket ticket = sleep->ticket;
    sleep_free(sleep);
    task_wake(ticket, push_true, NULL);
}

static int sleep_for(lua_State *L)
{
    int64_t ms = api_seconds(L, 1);
    task_check_wait(L);
    if (task_cancelled(task_current(L))) return task_push_cancelled(L, NULL);
    struct sleep *sleep = mem_new(1, sizeof *sleep);
    sleep->timer = loop_timer_new(api_core(L)->loop, ms, 0, on_wake_up, sleep);
    return task_wait_cancellable(L, &sleep->ticket, sleep_free, sleep);
}

/* --- handles --- */

/* A userdata. Its user value is the list of the results once the task has ended. */
struct handle {
    struct task *task;
    uint64_t id;
    int ref; /* keeps the handle in the registry while the task lives */
    int is_ended;
    int is_child; /* of task.run or task.all: its failure is theirs to report */
    int has_timed_out;
    TAILQ_HEAD(, waiter) waiters;
};

/* A task that waits for the end of another. */
struct waiter {
    struct handle *handle;
    struct task_ticket ticket;
    struct loop_timer *deadline; /* or NULL */
    TAILQ_ENTRY(waiter) link;
};

static void waiter_free(void *arg)
{
    struct waiter *waiter = arg;
    TAILQ_REMOVE(&waiter->handle->waiters, waiter, link);
    loop_timer_free(waiter->deadline);
    free(waiter);
}

static struct waiter *waiter_new(struct handle *handle)
{
    struct waiter *waiter = mem_new(1, sizeof *waiter);
    waiter->handle = handle;
    TAILQ_INSERT_TAIL(&handle->waiters, waiter, link);
    return waiter;
}

/* Pushes the values of a list {n = count, ...} in its place, at the top of the stack. */
static int unpack(lua_State *L)
{
    int list = lua_gettop(L);
    lua_getfield(L, list, "n");
    int n = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    luaL_checkstack(L, n + 1, NULL);
    for (int i = 1; i <= n; i++)
        lua_rawgeti(L, list, i);
    lua_remove(L, list);
    return n;
}

static int push_results(lua_State *co, void *arg)
{
    struct handle *handle = arg;
    lua_rawgeti(co, LUA_REGISTRYINDEX, handle->ref);
    lua_getiuservalue(co, -1, 1);
    lua_remove(co, -2);
    return unpack(co);
}

/* Pushes {n = count, ...}: what the task returned, or nil, message, code. */
static void push_packed(lua_State *L, const struct handle *handle, enum task_outcome outcome,
                        lua_State *co, int nresults, const char *message)
{
    const char *code = outcome == TASK_CANCELLED                      ? "cancelled"
                       : outcome == TASK_STOPPED && !handle->is_child ? "stopped"
                                                                      : "failed";
    int n;
    if (outcome == TASK_OK && !lua_checkstack(L, nresults + 1)) {
        n = api_fail(L, "failed", "%d results are too many", nresults);
    } else if (outcome == TASK_OK) {
        lua_xmove(co, L, n = nresults);
    } else if (outcome == TASK_CANCELLED && handle->has_timed_out) {
        n = push_timeout(L, NULL);
    } else {
        lua_pushnil(L);
        lua_pushstring(L, message);
        lua_pushstring(L, code);
        n = 3;
    }
    lua_createtable(L, n, 1);
    lua_insert(L, -n - 1);
    for (int i = n; i > 0; i--)
        lua_rawseti(L, -i - 1, i);
    api_set_integer(L, "n", n);
}

static void on_end(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                   const char *message, void *arg)
{
    struct handle *handle = arg;
    lua_State *L = vm_state(vm_of(co));
    if (!handle->is_child) task_log_end(task, outcome, message);
    lua_rawgeti(L, LUA_REGISTRYINDEX, handle->ref);
    push_packed(L, handle, outcome, co, nresults, message);
    lua_setiuservalue(L, -2, 1);
    handle->is_ended = 1;
    for (struct waiter *waiter; (waiter = TAILQ_FIRST(&handle->waiters));) {
        struct task_ticket ticket = waiter->ticket;
        waiter_free(waiter);
        task_wake(ticket, push_results, handle);
    }
    luaL_unref(L, LUA_REGISTRYINDEX, handle->ref);
    lua_pop(L, 1);
}

/* Starts the function and its nargs arguments on top of the stack as a task, which runs after this
 * turn; leaves the handle in their place. */
static struct handle *spawn_task(lua_State *L, const char *name, int nargs, int is_child)
{
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 1);
    *handle = (struct handle){ .is_child = is_child };
    TAILQ_INIT(&handle->waiters);
    luaL_setmetatable(L, HANDLE);
    lua_pushvalue(L, -1);
    handle->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_insert(L, -nargs - 2);
    handle->task = task_spawn(api_core(L)->loop, L, name, nargs, on_end, handle);
    handle->id = task_id(handle->task);
    if (is_child) task_adopt(task_current(L), handle->task);
    return handle;
}

static int spawn(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, NULL);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (!task_current(L))
        return luaL_error(L, "task.spawn: only from a task; while the scripts load, use "
                             "server.on_start or timer.every");
    if (name && task_find(name)) return api_fail(L, "conflict", "a task named %s is alive", name);
    spawn_task(L, name, lua_gettop(L) - 2, 0);
    return 1;
}

static void on_wait_deadline(void *arg)
{
    struct waiter *waiter = arg;
    struct task_ticket ticket = waiter->ticket;
    waiter_free(waiter);
    task_wake(ticket, push_timeout, NULL);
}

static int handle_wait(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, HANDLE);
    int64_t ms = lua_isnoneornil(L, 2) ? -1 : api_seconds(L, 2);
    if (handle->is_ended) {
        lua_getiuservalue(L, 1, 1);
        return unpack(L);
    }
    task_check_wait(L);
    if (task_current(L) == handle->task) return luaL_error(L, "a task cannot wait for itself");
    struct waiter *waiter = waiter_new(handle);
    if (ms >= 0)
        waiter->deadline = loop_timer_new(api_core(L)->loop, ms, 0, on_wait_deadline, waiter);
    return task_wait(L, &waiter->ticket, waiter_free, waiter);
}

static int handle_kill(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, HANDLE);
    int is_alive = task_alive(handle->task, handle->id);
    if (is_alive) task_kill(handle->task);
    if (is_alive && handle->task == task_current(L) && lua_isyieldable(L))
        return lua_yield(L, 0); /* never returns */
    lua_pushboolean(L, is_alive);
    return 1;
}

/* --- task.run --- */

static void on_run_deadline(void *arg)
{
    struct waiter *waiter = arg;
    waiter->handle->has_timed_out = 1;
    task_kill(waiter->handle->task); /* its end wakes the caller */
}

static void cancel_run(void *arg)
{
    struct waiter *waiter = arg;
    struct task *child = waiter->handle->task;
    waiter_free(waiter);
    task_kill(child);
}

static int run(lua_State *L)
{
    int64_t ms = lua_isnoneornil(L, 1) ? -1 : api_seconds(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    task_check_wait(L);
    if (task_cancelled(task_current(L))) return task_push_cancelled(L, NULL);
    struct waiter *waiter = waiter_new(spawn_task(L, NULL, lua_gettop(L) - 2, 1));
    if (ms >= 0)
        waiter->deadline = loop_timer_new(api_core(L)->loop, ms, 0, on_run_deadline, waiter);
    return task_wait_cancellable(L, &waiter->ticket, cancel_run, waiter);
}

/* --- task.all --- */

/* Waits for child after child, from the one numbered `context`. Stack: the functions; the handles,
 * replaced one by one by the lists of results. */
static int gather_all(lua_State *L, int status, lua_KContext context)
{
    lua_settop(L, 2);
    int n = (int)lua_rawlen(L, 2);
    for (int i = (int)context; i <= n; i++) {
        lua_rawgeti(L, 2, i);
        struct handle *handle = lua_touserdata(L, -1);
        if (!handle->is_ended) {
            struct waiter *waiter = waiter_new(handle);
            return task_wait_then(L, &waiter->ticket, waiter_free, waiter, gather_all, i);
        }
        lua_getiuservalue(L, -1, 1);
        lua_rawseti(L, 2, i);
        lua_pop(L, 1);
    }
    return 1;
}

static int run_all(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    int n = (int)lua_rawlen(L, 1);
    for (int i = 1; i <= n; i++) {
        luaL_argcheck(L, lua_rawgeti(L, 1, i) == LUA_TFUNCTION, 1, "a list of functions");
        lua_pop(L, 1);
    }
    task_check_wait(L);
    lua_createtable(L, n, 0);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, 1, i);
        spawn_task(L, NULL, 0, 1);
        lua_rawseti(L, 2, i);
    }
    return gather_all(L, LUA_OK, 1);
}

/* --- task.lock --- */

/* A claim on a named lock: a to-be-closed userdata on the stack of the call, so that it is released
 * however the call ends. Of the claims on one name the first holds the lock. */
struct claim {
    int is_listed;
    struct task_ticket ticket; /* of a claim that waits */
    TAILQ_ENTRY(claim) link;
    char name[];
};

/* In the order of the calls, of all versions of the scripts. */
static TAILQ_HEAD(, claim) claims = TAILQ_HEAD_INITIALIZER(claims);

static struct claim *lock_holder(const char *name)
{
    struct claim *claim;
    TAILQ_FOREACH(claim, &claims, link)
    if (strcmp(claim->name, name) == 0) return claim;
    return NULL;
}

static int release_claim(lua_State *L)
{
    struct claim *claim = luaL_checkudata(L, 1, CLAIM);
    if (!claim->is_listed) return 0;
    int was_holder = lock_holder(claim->name) == claim;
    claim->is_listed = 0;
    TAILQ_REMOVE(&claims, claim, link);
    struct claim *next = lock_holder(claim->name);
    if (was_holder && next) task_wake(next->ticket, NULL, NULL);
    return 0;
}

static int return_locked(lua_State *L, int status, lua_KContext unused)
{
    return lua_gettop(L) - 2; /* below are the name and the claim */
}

static int call_locked(lua_State *L, int status, lua_KContext unused)
{
    lua_callk(L, lua_gettop(L) - 3, LUA_MULTRET, 0, return_locked);
    return return_locked(L, LUA_OK, 0);
}

static int lock(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    task_check_wait(L);
    struct claim *claim = lua_newuserdatauv(L, sizeof *claim + len + 1, 0);
    memcpy(claim->name, name, len + 1);
    int is_free = !lock_holder(name);
    TAILQ_INSERT_TAIL(&claims, claim, link);
    claim->is_listed = 1;
    luaL_setmetatable(L, CLAIM);
    lua_insert(L, 2);
    lua_toclose(L, 2);
    if (is_free) return call_locked(L, LUA_OK, 0);
    return task_wait_then(L, &claim->ticket, NULL, NULL, call_locked, 0);
}

/* --- the rest --- */

static int cancel(lua_State *L)
{
    struct task *task = task_find(luaL_checkstring(L, 1));
    if (task) task_cancel(task);
    lua_pushboolean(L, task != NULL);
    return 1;
}

static int cancelled(lua_State *L)
{
    struct task *task = task_current(L);
    lua_pushboolean(L, task && task_cancelled(task));
    return 1;
}

static int shield(lua_State *L)
{
    struct task *task = task_current(L);
    if (!task) return luaL_error(L, "task.shield: only from a task");
    task_shield(task);
    return 0;
}

static int alive(lua_State *L)
{
    lua_pushboolean(L, task_find(luaL_checkstring(L, 1)) != NULL);
    return 1;
}

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 3); /* without the handler itself */
    return 1;
}

int api_task_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "spawn", spawn },
                                          { "run", run },
                                          { "all", run_all },
                                          { "cancel", cancel },
                                          { "cancelled", cancelled },
                                          { "shield", shield },
                                          { "sleep", sleep_for },
                                          { "lock", lock },
                                          { "alive", alive },
                                          { "traceback", traceback },
                                          { NULL, NULL } };
    static const luaL_Reg handle_methods[] = { { "wait", handle_wait },
                                               { "kill", handle_kill },
                                               { NULL, NULL } };
    static const luaL_Reg claim_methods[] = { { "__close", release_claim },
                                              { "__gc", release_claim },
                                              { NULL, NULL } };
    luaL_newmetatable(L, HANDLE);
    luaL_newlib(L, handle_methods);
    lua_setfield(L, -2, "__index");
    luaL_newmetatable(L, CLAIM);
    luaL_setfuncs(L, claim_methods, 0);
    luaL_newlib(L, functions);
    return 1;
}
