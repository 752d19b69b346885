/* core.task: see scripts/meta/task.lua. The handle that task.spawn gives is in api_task_handle.c.
 */
#include "api_task.h"
#include "api.h"
#include "loop.h"
#include "mem.h"
#include "task.h"
#include "task_lock.h"
#include "vm.h"

#include <lauxlib.h>

#define LOCK "core.task.lock"

/* --- what became of a task, in Lua's words --- */

static const char *code_of(enum task_outcome outcome)
{
    return outcome == TASK_CANCELLED ? "cancelled" : outcome == TASK_STOPPED ? "stopped" : "failed";
}

int api_task_push_end(lua_State *to, const struct api_task_end *end)
{
    if (end->outcome == TASK_OK) {
        if (!lua_checkstack(to, end->nresults + 1))
            return api_fail(to, "failed", "%d results are too many", end->nresults);
        lua_xmove(end->co, to, end->nresults);
        return end->nresults;
    }
    lua_pushnil(to);
    lua_pushstring(to, end->message);
    lua_pushstring(to, code_of(end->outcome));
    return 3;
}

void api_task_push_packed(lua_State *L, const struct api_task_end *end)
{
    int n = api_task_push_end(L, end);

    lua_createtable(L, n, 1);
    lua_insert(L, -n - 1);
    for (int i = n; i > 0; i--)
        lua_rawseti(L, -i - 1, i);
    lua_pushinteger(L, n);
    lua_setfield(L, -2, "n");
}

/* --- task.sleep --- */

struct sleep {
    struct task_ticket ticket;
    struct loop_timer *timer;
};

static void end_sleep(void *arg)
{
    struct sleep *sleep = arg;

    loop_timer_free(sleep->timer);
    free(sleep);
}

static int push_true(lua_State *co, void *unused)
{
    (void)unused;
    lua_pushboolean(co, 1);
    return 1;
}

static void on_slept(void *arg)
{
    struct sleep *sleep = arg;
    struct task_ticket ticket = sleep->ticket;

    end_sleep(sleep);
    task_wake(ticket, push_true, NULL);
}

static int sleep_for(lua_State *L)
{
    int64_t ms = api_seconds(L, 1);

    task_check_wait(L);
    if (task_cancelled(task_current(L))) return task_push_cancelled(L, NULL);
    struct sleep *sleep = mem_new(1, sizeof *sleep);
    sleep->timer = loop_timer_new(api_core(L)->loop, ms, 0, on_slept, sleep);
    return task_wait_cancellable(L, &sleep->ticket, end_sleep, sleep);
}

/* --- task.run --- */

struct run {
    struct task_ticket ticket;
    struct task *child;
    struct loop_timer *deadline;
    int timed_out;
};

static int push_run_end(lua_State *co, void *arg)
{
    return api_task_push_end(co, arg);
}

static int push_timeout(lua_State *co, void *unused)
{
    (void)unused;
    return api_fail(co, "timeout", "the time for it has passed");
}

static void on_run_end(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                       const char *message, void *arg)
{
    struct run *run = arg;
    struct api_task_end end = { outcome == TASK_STOPPED ? TASK_FAILED : outcome, co, nresults,
                                message };

    (void)task;
    loop_timer_free(run->deadline);
    if (run->timed_out && outcome == TASK_CANCELLED)
        task_wake(run->ticket, push_timeout, NULL);
    else
        task_wake(run->ticket, push_run_end, &end);
    free(run);
}

/* The caller is gone or was asked to stop: nobody waits. The child's end frees `run`. */
static void cancel_run(void *arg)
{
    struct run *run = arg;

    run->ticket.task = NULL;
    task_kill(run->child);
}

static void on_deadline(void *arg)
{
    struct run *run = arg;

    run->timed_out = 1;
    task_kill(run->child);
}

static int run(lua_State *L)
{
    struct core *core = api_core(L);
    int64_t ms = lua_isnoneornil(L, 1) ? -1 : api_seconds(L, 1);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    task_check_wait(L);
    if (task_cancelled(task_current(L))) return task_push_cancelled(L, NULL);
    struct run *run = mem_new(1, sizeof *run);
    run->child = task_spawn(core->loop, L, NULL, lua_gettop(L) - 2, on_run_end, run);
    task_adopt(task_current(L), run->child);
    if (ms >= 0) run->deadline = loop_timer_new(core->loop, ms, 0, on_deadline, run);
    return task_wait_cancellable(L, &run->ticket, cancel_run, run);
}

/* --- task.all --- */

struct all {
    struct task_ticket ticket;
    struct vm *vm;
    int left, results;
    struct all_child {
        struct all *all;
        struct task *task;
        int index;
    } children[];
};

static int push_all(lua_State *co, void *arg)
{
    struct all *all = arg;

    lua_rawgeti(co, LUA_REGISTRYINDEX, all->results);
    return 1;
}

static void leave_all(struct all *all)
{
    if (--all->left > 0) return;
    task_wake(all->ticket, push_all, all);
    luaL_unref(vm_state(all->vm), LUA_REGISTRYINDEX, all->results);
    free(all);
}

static void on_one_end(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                       const char *message, void *arg)
{
    struct all_child *child = arg;
    struct api_task_end end = { outcome == TASK_STOPPED ? TASK_FAILED : outcome, co, nresults,
                                message };
    lua_State *L = vm_state(child->all->vm);

    (void)task;
    child->task = NULL;
    lua_rawgeti(L, LUA_REGISTRYINDEX, child->all->results);
    api_task_push_packed(L, &end);
    lua_rawseti(L, -2, child->index);
    lua_pop(L, 1);
    leave_all(child->all);
}

static void cancel_all(void *arg)
{
    struct all *all = arg;

    all->ticket.task = NULL;
    all->left++; /* so that it lives until the loop is through */
    for (struct all_child *child = all->children; child->index; child++)
        if (child->task) task_kill(child->task);
    leave_all(all);
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
    if (n == 0) return 1;
    struct all *all = mem_new(1, sizeof *all + (size_t)(n + 1) * sizeof *all->children);
    all->results = luaL_ref(L, LUA_REGISTRYINDEX);
    all->vm = vm_of(L);
    all->left = n;
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, 1, i + 1);
        all->children[i] = (struct all_child){ all, NULL, i + 1 };
        all->children[i].task =
            task_spawn(api_core(L)->loop, L, NULL, 0, on_one_end, &all->children[i]);
        task_adopt(task_current(L), all->children[i].task);
    }
    return task_wait(L, &all->ticket, cancel_all, all);
}

/* --- task.lock: a claim that is closed with the call, however it ends --- */

static int drop_claim(lua_State *L)
{
    task_lock_drop(luaL_checkudata(L, 1, LOCK));
    return 0;
}

static int end_locked(lua_State *L, int status, lua_KContext unused)
{
    (void)status;
    (void)unused;
    return lua_gettop(L) - 2; /* name and claim stay below */
}

static int call_locked(lua_State *L, int status, lua_KContext unused)
{
    (void)status;
    (void)unused;
    lua_callk(L, lua_gettop(L) - 3, LUA_MULTRET, 0, end_locked);
    return end_locked(L, LUA_OK, 0);
}

static int lock(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    task_check_wait(L);
    struct task_lock_claim *claim = lua_newuserdatauv(L, sizeof *claim, 0);
    claim->lock = NULL;
    luaL_setmetatable(L, LOCK);
    lua_insert(L, 2);
    lua_toclose(L, 2);
    if (task_lock_take(claim, name)) return call_locked(L, LUA_OK, 0);
    return task_wait_then(L, &claim->ticket, NULL, NULL, call_locked);
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

    if (!task) return luaL_error(L, "task.shield: there is no task here");
    task_shield(task);
    return 0;
}

static int alive(lua_State *L)
{
    lua_pushboolean(L, task_find(luaL_checkstring(L, 1)) != NULL);
    return 1;
}

int api_task_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "spawn", api_task_spawn }, { "run", run },
                                          { "all", run_all },          { "cancel", cancel },
                                          { "cancelled", cancelled },  { "shield", shield },
                                          { "sleep", sleep_for },      { "lock", lock },
                                          { "alive", alive },          { NULL, NULL } };

    luaL_newmetatable(L, LOCK);
    lua_pushcfunction(L, drop_claim);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, drop_claim);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    api_task_handle_open(L);
    luaL_newlib(L, functions);
    return 1;
}
