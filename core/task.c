#include "task.h"
#include "log.h"
#include "loop.h"
#include "vm.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BUCKETS = 64 };

struct task {
    uint64_t id, generation; /* of the life; of the wait */
    struct loop *loop;
    struct vm *vm;
    lua_State *co;
    char *name;
    task_done_fn *done;
    void *arg;
    task_cancel_fn *cancel;
    void *op;
    int nargs; /* values on co that the next resume takes */
    unsigned alive : 1, waiting : 1, cancellable : 1, queued : 1, dying : 1, cancelled : 1,
        shielded : 1;
    struct task *parent, *children, *sibling;
    struct task *next_name;
    struct task *next, *previous;             /* of all that live; `next` also of the free ones */
    struct task *next_ready, *previous_ready; /* in the queue */
};

/* Tasks are never given back to the system: a late ticket may point to one that has ended. */
static struct {
    struct task *first, *free;
    struct task *ready, *last_ready;
    struct task *names[NAME_BUCKETS];
    uint64_t counter;
    int count, nready;
    int busy;      /* a task is being run or ended: what wakes now has to queue */
    int scheduled; /* run_ready() will come */
} tasks;

/* --- lists --- */

static struct task **bucket(const char *name)
{
    unsigned hash = 5381;

    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return &tasks.names[hash % NAME_BUCKETS];
}

struct task *task_find(const char *name)
{
    struct task *task = *bucket(name);

    while (task && strcmp(task->name, name) != 0)
        task = task->next_name;
    return task;
}

static void set_name(struct task *task, const char *name)
{
    struct task **place = bucket(name);

    task->name = strdup(name);
    if (!task->name) abort();
    task->next_name = *place;
    *place = task;
}

/* Others may take the name from now on; its text stays readable until the task is given back. */
static void release_name(struct task *task)
{
    if (!task->name) return;
    struct task **place = bucket(task->name);
    while (*place != task)
        place = &(*place)->next_name;
    *place = task->next_name;
}

static void run_ready(void *arg);

static void enqueue(struct task *task)
{
    if (task->queued) return;
    task->queued = 1;
    task->next_ready = NULL;
    task->previous_ready = tasks.last_ready;
    *(tasks.last_ready ? &tasks.last_ready->next_ready : &tasks.ready) = task;
    tasks.last_ready = task;
    tasks.nready++;
    if (tasks.scheduled) return;
    tasks.scheduled = 1;
    loop_defer(task->loop, run_ready, NULL);
}

static void dequeue(struct task *task)
{
    if (!task->queued) return;
    task->queued = 0;
    *(task->previous_ready ? &task->previous_ready->next_ready : &tasks.ready) = task->next_ready;
    *(task->next_ready ? &task->next_ready->previous_ready : &tasks.last_ready) =
        task->previous_ready;
    tasks.nready--;
}

static struct task *take_task(void)
{
    struct task *task = tasks.free;

    if (task)
        tasks.free = task->next;
    else if (!(task = malloc(sizeof *task)))
        abort();
    memset(task, 0, sizeof *task);
    task->id = task->generation = ++tasks.counter;
    task->alive = 1;
    task->next = tasks.first;
    if (tasks.first) tasks.first->previous = task;
    tasks.first = task;
    tasks.count++;
    return task;
}

static void give_task(struct task *task)
{
    *(task->previous ? &task->previous->next : &tasks.first) = task->next;
    if (task->next) task->next->previous = task->previous;
    task->next = tasks.free;
    tasks.free = task;
    tasks.count--;
}

void task_adopt(struct task *parent, struct task *child)
{
    child->parent = parent;
    child->sibling = parent->children;
    parent->children = child;
}

static void leave_parent(struct task *task)
{
    if (!task->parent) return;
    struct task **place = &task->parent->children;
    while (*place != task)
        place = &(*place)->sibling;
    *place = task->sibling;
    task->parent = NULL;
}

/* --- the end --- */

static void cancel_operation(struct task *task)
{
    if (!task->waiting) return;
    task->waiting = 0;
    if (task->cancel) task->cancel(task->op);
}

/* Pushes, on the vm's main state, what went wrong and where. Before the coroutine is closed: then
 * its stack is gone. */
static const char *push_message(struct task *task, enum task_outcome outcome)
{
    lua_State *L = vm_state(task->vm);
    const char *why = "the task was ended";

    if (outcome == TASK_CANCELLED) return lua_pushstring(L, why);
    if (outcome == TASK_STOPPED)
        why = lua_pushfstring(L, "%sthe script ran too long without waiting",
                              vm_stopped_at(task->vm));
    else if (lua_type(task->co, -1) == LUA_TSTRING)
        why = lua_tostring(task->co, -1);
    else
        why = lua_pushfstring(L, "an error that is no text was raised (a %s)",
                              luaL_typename(task->co, -1));
    luaL_traceback(L, task->co, why, 0);
    return lua_tostring(L, -1);
}

/* Runs what is to be closed (local x <close>), under the limits, in the middle of whatever the
 * coroutine was doing. */
static void close_coroutine(struct task *task, enum task_outcome outcome)
{
    int status = vm_thread_close(task->vm, task->co, outcome == TASK_STOPPED);
    if (outcome == TASK_CANCELLED && status != LUA_OK)
        log_line(LOG_ERROR, "task.close_failed", "%s",
                 lua_tostring(task->co, -1) ? lua_tostring(task->co, -1)
                                            : "(an error that is no text)");
}

static void give_coroutine(struct task *task)
{
    vm_thread_give(task->vm, task->co);
    task->co = NULL;
}

void task_log_end(const struct task *task, enum task_outcome outcome, const char *message)
{
    if (outcome != TASK_FAILED && outcome != TASK_STOPPED) return;
    if (!log_begin(LOG_ERROR, outcome == TASK_STOPPED ? "task.stopped" : "task.failed")) return;
    if (task->name) log_str("task", task->name);
    log_str("message", message);
    log_end();
}

/* Never while Lua is running. */
static void end(struct task *task, enum task_outcome outcome, int nresults)
{
    lua_State *L = vm_state(task->vm);
    int top = lua_gettop(L);
    const char *message = NULL;

    tasks.busy++;
    task->alive = 0;
    dequeue(task);
    cancel_operation(task);
    while (task->children)
        end(task->children, TASK_CANCELLED, 0);
    if (outcome != TASK_OK) {
        message = push_message(task, outcome);
        close_coroutine(task, outcome);
        give_coroutine(task); /* what it holds is free before anybody is told */
    }
    release_name(task);
    leave_parent(task);
    if (task->done)
        task->done(task, outcome, task->co ? task->co : L, nresults, message, task->arg);
    else
        task_log_end(task, outcome, message);
    lua_settop(L, top);
    if (task->co) give_coroutine(task);
    free(task->name);
    vm_unref(task->vm);
    give_task(task);
    tasks.busy--;
}

static void resume(struct task *task)
{
    int nresults = 0, nargs = task->nargs;

    tasks.busy++;
    task->nargs = 0;
    vm_turn_begin(task->vm, task->co);
    int status = lua_resume(task->co, NULL, nargs, &nresults);
    int stopped = vm_turn_end(task->vm, task->co);
    if (stopped)
        end(task, TASK_STOPPED, 0);
    else if (task->dying)
        end(task, TASK_CANCELLED, 0);
    else if (status == LUA_OK)
        end(task, TASK_OK, nresults);
    else if (status != LUA_YIELD)
        end(task, TASK_FAILED, 0);
    tasks.busy--;
}

/* What became ready while this runs has its turn in the next round of the loop, so that tasks which
 * wake each other do not starve it. */
static void run_ready(void *arg)
{
    (void)arg;
    tasks.scheduled = 0;
    for (int n = tasks.nready; n > 0 && tasks.ready; n--) {
        struct task *task = tasks.ready;
        dequeue(task);
        if (task->dying)
            end(task, TASK_CANCELLED, 0);
        else
            resume(task);
    }
    if (!tasks.ready || tasks.scheduled) return;
    tasks.scheduled = 1;
    loop_defer(tasks.ready->loop, run_ready, NULL);
}

static int must_queue(void)
{
    return tasks.busy || vm_turning() || tasks.ready;
}

/* --- life --- */

struct task *task_spawn(struct loop *loop, lua_State *L, const char *name, int nargs,
                        task_done_fn *done, void *arg)
{
    if (name && task_find(name)) {
        lua_pop(L, nargs + 1);
        return NULL;
    }
    struct vm *vm = vm_of(L);
    struct task *task = take_task();
    vm_turn_pause(vm);
    vm_ref(vm);
    task->loop = loop;
    task->vm = vm;
    task->co = vm_thread_take(vm);
    task->done = done;
    task->arg = arg;
    task->nargs = nargs;
    if (name) set_name(task, name);
    *(struct task **)lua_getextraspace(task->co) = task;
    lua_checkstack(task->co, nargs + LUA_MINSTACK);
    lua_xmove(L, task->co, nargs + 1);
    vm_turn_continue(vm);
    if (must_queue())
        enqueue(task);
    else
        resume(task);
    return task;
}

void task_kill(struct task *task)
{
    if (!task->alive || task->dying) return;
    task->dying = 1;
    cancel_operation(task);
    for (struct task *child = task->children, *next; child; child = next) {
        next = child->sibling;
        task_kill(child);
    }
    if (tasks.busy || vm_turning())
        enqueue(task); /* the one that runs now is taken out again when it stops */
    else
        end(task, TASK_CANCELLED, 0);
}

void task_kill_all(void)
{
    while (tasks.first)
        end(tasks.first, TASK_CANCELLED, 0);
    tasks.scheduled = 0; /* the loop may go too */
}

int task_count(void)
{
    return tasks.count;
}

uint64_t task_id(const struct task *task)
{
    return task->id;
}

int task_alive(const struct task *task, uint64_t id)
{
    return task && task->id == id && task->alive && !task->dying;
}

/* --- waiting --- */

struct task *task_current(lua_State *L)
{
    return *(struct task **)lua_getextraspace(L);
}

void task_check_wait(lua_State *L)
{
    if (!task_current(L))
        luaL_error(L, "this waits, and only a task may wait (not while the scripts load, nor in "
                      "server.on_error)");
    if (!lua_isyieldable(L))
        luaL_error(L, "this waits, and here nothing may (inside table.sort, string.gsub, require "
                      "or a closing variable)");
}

/* A wait that a cancel ends has no continuation: its results are those of the binding. */
static int begin_wait(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op,
                      lua_KFunction then)
{
    struct task *task = task_current(L);

    if (!task || !lua_isyieldable(L)) {
        *ticket = (struct task_ticket){ NULL, 0 };
        if (cancel) cancel(op);
        task_check_wait(L);
    }
    task->waiting = 1;
    task->cancel = cancel;
    task->op = op;
    task->generation = ++tasks.counter;
    *ticket = (struct task_ticket){ task, task->generation };
    return lua_yieldk(L, 0, 0, then);
}

int task_wait(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op)
{
    return task_wait_then(L, ticket, cancel, op, NULL);
}

int task_wait_then(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op,
                   lua_KFunction then)
{
    struct task *task = task_current(L);

    if (task) task->cancellable = 0;
    return begin_wait(L, ticket, cancel, op, then);
}

int task_wait_cancellable(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel,
                          void *op)
{
    struct task *task = task_current(L);

    if (task) task->cancellable = 1;
    return begin_wait(L, ticket, cancel, op, NULL);
}

static void go_on(struct task *task, task_push_fn *push, void *result)
{
    vm_turn_pause(task->vm);
    lua_checkstack(task->co, LUA_MINSTACK);
    task->nargs = push ? push(task->co, result) : 0;
    vm_turn_continue(task->vm);
    if (must_queue())
        enqueue(task);
    else
        resume(task);
}

void task_wake(struct task_ticket ticket, task_push_fn *push, void *result)
{
    struct task *task = ticket.task;

    if (!task || !task->alive || !task->waiting || task->generation != ticket.generation) return;
    task->waiting = 0;
    go_on(task, push, result);
}

/* --- cancelling by asking --- */

int task_push_cancelled(lua_State *co, void *unused)
{
    (void)unused;
    lua_pushnil(co);
    lua_pushliteral(co, "the task was asked to stop");
    lua_pushliteral(co, "cancelled");
    return 3;
}

void task_cancel(struct task *task)
{
    if (task->shielded || !task->alive) return;
    task->cancelled = 1;
    if (!task->waiting || !task->cancellable) return;
    cancel_operation(task);
    go_on(task, task_push_cancelled, NULL);
}

int task_cancelled(const struct task *task)
{
    return task->cancelled;
}

void task_shield(struct task *task)
{
    task->shielded = 1;
    task->cancelled = 0;
}
