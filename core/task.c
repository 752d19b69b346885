#include "task.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "vm.h"

#include <lauxlib.h>
#include <sys/queue.h>

struct task {
    uint64_t id;
    uint64_t generation; /* of the current wait */
    struct loop *loop;
    struct vm *vm;
    lua_State *co;
    char *name; /* or NULL */
    task_done_fn *done;
    void *arg;
    task_cancel_fn *cancel; /* of the pending operation */
    void *op;
    int nargs; /* values on co that the next resume takes */
    unsigned is_alive : 1, is_waiting : 1, is_cancellable : 1, is_ready : 1, is_dying : 1,
        is_cancelled : 1, is_shielded : 1;
    struct task *parent;
    LIST_HEAD(, task) children;
    LIST_ENTRY(task) sibling;
    LIST_ENTRY(task) link; /* in tasks.living or tasks.free */
    TAILQ_ENTRY(task) ready_link;
};

/* A task's memory is reused but never freed, because a late ticket may point to it. */
static struct {
    LIST_HEAD(, task) living, free;
    TAILQ_HEAD(, task) ready; /* to be resumed or ended */
    uint64_t counter;
    int count, nready;
    int depth;        /* above 0: a task is being resumed or ended, and others have to queue */
    int is_scheduled; /* run_ready() will be called */
} tasks = { .ready = TAILQ_HEAD_INITIALIZER(tasks.ready) };

/* --- the ready queue --- */

static void run_ready(void *unused);

static void schedule(struct loop *loop)
{
    if (tasks.is_scheduled) return;
    tasks.is_scheduled = 1;
    loop_defer(loop, run_ready, NULL);
}

static void enqueue(struct task *task)
{
    if (task->is_ready) return;
    task->is_ready = 1;
    TAILQ_INSERT_TAIL(&tasks.ready, task, ready_link);
    tasks.nready++;
    schedule(task->loop);
}

static void dequeue(struct task *task)
{
    if (!task->is_ready) return;
    task->is_ready = 0;
    TAILQ_REMOVE(&tasks.ready, task, ready_link);
    tasks.nready--;
}

/* Lua is running, or others are ahead. */
static int must_queue(void)
{
    return tasks.depth > 0 || vm_turning() || !TAILQ_EMPTY(&tasks.ready);
}

/* --- the end --- */

static void cancel_operation(struct task *task)
{
    if (!task->is_waiting) return;
    task->is_waiting = 0;
    if (task->cancel) task->cancel(task->op);
}

/* Pushes the reason and a traceback on the vm's main state; closing the coroutine would lose the
 * traceback. */
static const char *push_message(struct task *task, enum task_outcome outcome)
{
    lua_State *L = vm_state(task->vm);
    const char *reason;
    if (outcome == TASK_CANCELLED) return lua_pushstring(L, "the task was killed");
    if (outcome == TASK_STOPPED)
        reason = lua_pushfstring(L, "%sthe script ran too long without waiting",
                                 vm_stopped_at(task->vm));
    else if (lua_type(task->co, -1) == LUA_TSTRING)
        reason = lua_tostring(task->co, -1);
    else
        reason = lua_pushfstring(L, "the error value is not a string (a %s)",
                                 luaL_typename(task->co, -1));
    luaL_traceback(L, task->co, reason, 0);
    return lua_tostring(L, -1);
}

/* Closes and frees the coroutine of a task that did not return. */
static void close_coroutine(struct task *task, enum task_outcome outcome)
{
    int status = vm_thread_close(task->vm, task->co, outcome == TASK_STOPPED);
    if (outcome == TASK_CANCELLED && status != LUA_OK)
        log_line(LOG_ERROR, "task.close_failed", "%s",
                 lua_tostring(task->co, -1) ? lua_tostring(task->co, -1)
                                            : "the error value is not a string");
    vm_thread_free(task->vm, task->co, 0);
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

/* Not while Lua is running. */
static void end(struct task *task, enum task_outcome outcome, int nresults)
{
    lua_State *L = vm_state(task->vm);
    int top = lua_gettop(L);
    const char *message = NULL;
    tasks.depth++;
    task->is_alive = 0;
    dequeue(task);
    cancel_operation(task);
    while (!LIST_EMPTY(&task->children))
        end(LIST_FIRST(&task->children), TASK_CANCELLED, 0);
    if (outcome != TASK_OK) {
        message = push_message(task, outcome);
        close_coroutine(task, outcome); /* frees what it holds before anyone learns of the end */
    }
    if (task->parent) LIST_REMOVE(task, sibling);
    if (task->done)
        task->done(task, outcome, task->co ? task->co : L, nresults, message, task->arg);
    else
        task_log_end(task, outcome, message);
    lua_settop(L, top);
    if (task->co) vm_thread_free(task->vm, task->co, 1);
    free(task->name);
    vm_unref(task->vm);
    LIST_REMOVE(task, link);
    LIST_INSERT_HEAD(&tasks.free, task, link);
    tasks.count--;
    tasks.depth--;
}

static void resume(struct task *task)
{
    int nresults = 0, nargs = task->nargs;
    tasks.depth++;
    task->nargs = 0;
    vm_turn_begin(task->vm, task->co);
    int status = lua_resume(task->co, NULL, nargs, &nresults);
    int is_stopped = vm_turn_end(task->vm, task->co);
    if (is_stopped)
        end(task, TASK_STOPPED, 0);
    else if (task->is_dying)
        end(task, TASK_CANCELLED, 0);
    else if (status == LUA_OK)
        end(task, TASK_OK, nresults);
    else if (status != LUA_YIELD)
        end(task, TASK_FAILED, 0);
    tasks.depth--;
}

/* Tasks that become ready meanwhile run in the next turn of the loop, so that tasks which wake each
 * other do not starve it. */
static void run_ready(void *unused)
{
    tasks.is_scheduled = 0;
    for (int n = tasks.nready; n > 0 && !TAILQ_EMPTY(&tasks.ready); n--) {
        struct task *task = TAILQ_FIRST(&tasks.ready);
        dequeue(task);
        if (task->is_dying)
            end(task, TASK_CANCELLED, 0);
        else
            resume(task);
    }
    if (!TAILQ_EMPTY(&tasks.ready)) schedule(TAILQ_FIRST(&tasks.ready)->loop);
}

/* --- life --- */

static struct task *task_new(struct loop *loop, struct vm *vm, const char *name)
{
    struct task *task = LIST_FIRST(&tasks.free);
    if (task)
        LIST_REMOVE(task, link);
    else
        task = mem_new(1, sizeof *task);
    tasks.counter++;
    *task = (struct task){ .id = tasks.counter,
                           .generation = tasks.counter,
                           .loop = loop,
                           .vm = vm,
                           .name = mem_text(name),
                           .is_alive = 1 };
    LIST_INSERT_HEAD(&tasks.living, task, link);
    tasks.count++;
    return task;
}

struct task *task_spawn(struct loop *loop, lua_State *L, const char *name, int nargs,
                        task_done_fn *done, void *arg)
{
    if (name && task_find(name)) {
        lua_pop(L, nargs + 1);
        return NULL;
    }
    struct vm *vm = vm_of(L);
    struct task *task = task_new(loop, vm, name);
    vm_turn_pause(vm);
    vm_ref(vm);
    task->co = vm_thread_new(vm);
    task->done = done;
    task->arg = arg;
    task->nargs = nargs;
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

void task_adopt(struct task *parent, struct task *child)
{
    child->parent = parent;
    LIST_INSERT_HEAD(&parent->children, child, sibling);
}

void task_kill(struct task *task)
{
    if (!task->is_alive || task->is_dying) return;
    task->is_dying = 1;
    cancel_operation(task);
    for (struct task *child = LIST_FIRST(&task->children), *next; child; child = next) {
        next = LIST_NEXT(child, sibling); /* the child may be ended at once */
        task_kill(child);
    }
    if (tasks.depth > 0 || vm_turning())
        enqueue(task); /* the running task is dequeued when its turn ends */
    else
        end(task, TASK_CANCELLED, 0);
}

void task_kill_all(void)
{
    while (!LIST_EMPTY(&tasks.living))
        end(LIST_FIRST(&tasks.living), TASK_CANCELLED, 0);
    tasks.is_scheduled = 0; /* the loop may be freed next */
}

struct task *task_find(const char *name)
{
    struct task *task;
    LIST_FOREACH(task, &tasks.living, link)
    if (task->is_alive && task->name && strcmp(task->name, name) == 0) return task;
    return NULL;
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
    return task && task->id == id && task->is_alive && !task->is_dying;
}

/* --- waiting --- */

struct task *task_current(lua_State *L)
{
    return *(struct task **)lua_getextraspace(L);
}

void task_check_wait(lua_State *L)
{
    if (!task_current(L))
        luaL_error(L, "this function waits, and only a task may wait (not while the scripts load, "
                      "nor in server.on_error)");
    if (!lua_isyieldable(L))
        luaL_error(L, "this function waits, and may not be called inside table.sort, string.gsub, "
                      "require or a closing variable");
}

static int begin_wait(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op,
                      int is_cancellable, lua_KFunction then, lua_KContext context)
{
    struct task *task = task_current(L);
    if (!task || !lua_isyieldable(L)) {
        *ticket = (struct task_ticket){ NULL, 0 };
        if (cancel) cancel(op);
        task_check_wait(L);
    }
    task->is_waiting = 1;
    task->is_cancellable = is_cancellable;
    task->cancel = cancel;
    task->op = op;
    task->generation = ++tasks.counter;
    *ticket = (struct task_ticket){ task, task->generation };
    return lua_yieldk(L, 0, context, then);
}

int task_wait(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op)
{
    return begin_wait(L, ticket, cancel, op, 0, NULL, 0);
}

int task_wait_then(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op,
                   lua_KFunction then, lua_KContext context)
{
    return begin_wait(L, ticket, cancel, op, 0, then, context);
}

int task_wait_cancellable(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel,
                          void *op)
{
    return begin_wait(L, ticket, cancel, op, 1, NULL, 0);
}

/* Continues a task whose wait has ended. */
static void wake(struct task *task, task_push_fn *push, void *result)
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
    if (!task || !task->is_alive || !task->is_waiting || task->generation != ticket.generation)
        return;
    task->is_waiting = 0;
    wake(task, push, result);
}

/* --- cooperative cancellation --- */

int task_push_cancelled(lua_State *co, void *unused)
{
    lua_pushnil(co);
    lua_pushliteral(co, "the task was cancelled");
    lua_pushliteral(co, "cancelled");
    return 3;
}

void task_cancel(struct task *task)
{
    if (task->is_shielded || !task->is_alive) return;
    task->is_cancelled = 1;
    if (!task->is_waiting || !task->is_cancellable) return;
    cancel_operation(task);
    wake(task, task_push_cancelled, NULL);
}

int task_cancelled(const struct task *task)
{
    return task->is_cancelled;
}

void task_shield(struct task *task)
{
    task->is_shielded = 1;
    task->is_cancelled = 0;
}
