/* task: a Lua coroutine with a life of its own. Every request handler, timer and deployment is one.
 * Loop thread.
 *
 * A binding that waits ends with `return task_wait(L, &ticket, cancel, op)`. When its operation
 * ends, the operation's callback calls task_wake(ticket, push, result): push() puts the results on
 * the coroutine's stack and returns how many. The task continues at once, or after the current turn
 * if Lua is running. Results are pushed at once in either case, so `result` need only live during
 * the call. Tasks continue in the order in which they were woken.
 *
 * A ticket carries a generation number: a wake-up that comes too late, for a task that has ended or
 * waits for something else, does nothing.
 */
#ifndef TASK_H
#define TASK_H
#include <lua.h>
#include <stdint.h>

struct loop;
struct task;
struct task_ticket {
    struct task *task;
    uint64_t generation;
};

/* An error was raised; the script ran too long; the task was killed. */
enum task_outcome { TASK_OK, TASK_FAILED, TASK_STOPPED, TASK_CANCELLED };

/* The task has ended. With TASK_OK, `nresults` values are on top of `co`; else `message` says why,
 * with a traceback for TASK_FAILED and TASK_STOPPED. `co` and `message` are valid during the call.
 */
typedef void task_done_fn(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                          const char *message, void *arg);
typedef void task_cancel_fn(void *op);
typedef int task_push_fn(lua_State *co, void *result);

/* Pops a function and its nargs arguments from L (any thread of the vm) and starts a task that
 * calls it: at once if no Lua is running, else after the turn. The task holds a reference to its
 * vm. `name` (may be NULL) is copied; while a task of that name lives, NULL is returned. `done` may
 * be NULL: then failures are logged. A task that ran at once may have ended when this returns; its
 * pointer may then only be compared and passed to task_alive(). */
struct task *task_spawn(struct loop *loop, lua_State *L, const char *name, int nargs,
                        task_done_fn *done, void *arg);
/* Makes a task that was just spawned a child: it is killed when its parent ends. */
void task_adopt(struct task *parent, struct task *child);
/* Ends the task as TASK_CANCELLED: cancels its pending operation, kills its children first, runs
 * its to-be-closed variables. During a turn the operations are cancelled at once, and the rest
 * follows after the turn. */
void task_kill(struct task *task);
/* Kills every task: for the end of the process or of a test. */
void task_kill_all(void);
/* Logs TASK_FAILED and TASK_STOPPED: for a done callback with no better use for them. */
void task_log_end(const struct task *task, enum task_outcome outcome, const char *message);
/* The living task of that name, or NULL. */
struct task *task_find(const char *name);
int task_count(void);
/* A number that no other task ever has, and whether the task with this number is alive. A pointer
 * alone may belong to a later task; it may be NULL. */
uint64_t task_id(const struct task *task);
int task_alive(const struct task *task, uint64_t id);

/* The task that runs L; NULL: L may not wait. */
struct task *task_current(lua_State *L);
/* Raises when L may not wait: call it before starting something that has to be waited for. */
void task_check_wait(lua_State *L);
/* Waits, for bindings. Raises when L may not wait, after cancel(op). If the task is killed,
 * cancel(op) is called, and a later wake is ignored. `cancel` may be NULL. */
int task_wait(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op);
/* The same, but then(L, LUA_YIELD, context) continues the binding: its stack, with the results of
 * the wait on top. */
int task_wait_then(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op,
                   lua_KFunction then, lua_KContext context);
void task_wake(struct task_ticket ticket, task_push_fn *push, void *result);

/* Cooperative cancellation. task_cancel() sets the task's flag; a wait begun with
 * task_wait_cancellable() then ends: cancel(op) is called, and the binding returns
 * nil, message, "cancelled". Check task_cancelled() before beginning such a wait. A shielded task
 * cannot be cancelled, and an earlier cancel is forgotten. */
void task_cancel(struct task *task);
int task_cancelled(const struct task *task);
void task_shield(struct task *task);
int task_wait_cancellable(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel,
                          void *op);
/* A task_push_fn: what a cancelled wait returns. */
int task_push_cancelled(lua_State *co, void *unused);
#endif
