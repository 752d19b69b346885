/* task.spawn, and the handle it gives: a userdata whose user value, once the task has ended, is the
 * list of what it returned. */
#include "api.h"
#include "api_task.h"
#include "loop.h"
#include "mem.h"
#include "vm.h"

#include <lauxlib.h>

#define HANDLE "core.task.handle"

struct waiter {
    struct handle *handle;
    struct task_ticket ticket;
    struct loop_timer *deadline;
    struct waiter *next;
};
/* While the task lives the registry holds the handle (`ref`), so that its end finds it. */
struct handle {
    struct task *task;
    uint64_t id;
    int ended, ref;
    struct waiter *waiters;
};

/* Pushes the values of the list at the top of the stack in its place. */
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

static void leave(struct waiter *waiter)
{
    struct waiter **place = &waiter->handle->waiters;

    while (*place != waiter)
        place = &(*place)->next;
    *place = waiter->next;
    loop_timer_free(waiter->deadline);
    free(waiter);
}

static void cancel_wait(void *arg)
{
    leave(arg);
}

static int push_timeout(lua_State *co, void *unused)
{
    (void)unused;
    return api_fail(co, "timeout", "the task has not ended yet");
}

static void on_deadline(void *arg)
{
    struct waiter *waiter = arg;
    struct task_ticket ticket = waiter->ticket;

    leave(waiter);
    task_wake(ticket, push_timeout, NULL);
}

static void on_end(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                   const char *message, void *arg)
{
    struct handle *handle = arg;
    struct api_task_end end = { outcome, co, nresults, message };
    lua_State *L = vm_state(vm_of(co));
    int ref = handle->ref;

    task_log_end(task, outcome, message);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    api_task_push_packed(L, &end);
    lua_setiuservalue(L, -2, 1);
    handle->ended = 1;
    while (handle->waiters) {
        struct task_ticket ticket = handle->waiters->ticket;
        leave(handle->waiters);
        task_wake(ticket, push_results, handle);
    }
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    lua_pop(L, 1);
}

static int wait_for(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, HANDLE);
    int64_t ms = lua_isnoneornil(L, 2) ? -1 : api_seconds(L, 2);

    if (handle->ended) {
        lua_getiuservalue(L, 1, 1);
        return unpack(L);
    }
    task_check_wait(L);
    if (task_current(L) == handle->task) return luaL_error(L, "a task cannot wait for itself");
    struct waiter *waiter = mem_new(1, sizeof *waiter), **last = &handle->waiters;
    while (*last)
        last = &(*last)->next;
    *last = waiter;
    waiter->handle = handle;
    if (ms >= 0) waiter->deadline = loop_timer_new(api_core(L)->loop, ms, 0, on_deadline, waiter);
    return task_wait(L, &waiter->ticket, cancel_wait, waiter);
}

static int kill_it(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, HANDLE);
    int lives = task_alive(handle->task, handle->id);

    if (lives) task_kill(handle->task);
    if (lives && handle->task == task_current(L) && lua_isyieldable(L))
        return lua_yield(L, 0); /* never comes back */
    lua_pushboolean(L, lives);
    return 1;
}

int api_task_spawn(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, NULL);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (!task_current(L))
        return luaL_error(L, "task.spawn: only from a task; while the scripts load, use "
                             "server.on_start or timer.every");
    if (name && task_find(name)) return api_fail(L, "conflict", "a task named %s is alive", name);
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, 1);
    *handle = (struct handle){ NULL, 0, 0, LUA_NOREF, NULL };
    luaL_setmetatable(L, HANDLE);
    lua_pushvalue(L, -1);
    handle->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_insert(L, 2);
    handle->task = task_spawn(api_core(L)->loop, L, name, lua_gettop(L) - 3, on_end,
                              handle); /* starts after this turn */
    handle->id = task_id(handle->task);
    return 1;
}

void api_task_handle_open(lua_State *L)
{
    static const luaL_Reg methods[] = { { "wait", wait_for }, { "kill", kill_it }, { NULL, NULL } };

    luaL_newmetatable(L, HANDLE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
