/* task: a Lua coroutine with a life. Every handler, timer and deployment is one.
 *
 * A binding that waits ends with `return task_wait(L, &ticket, cancel, op)`. When the operation
 * ends, its callback calls task_wake(ticket, push, result): push() puts the results on the
 * coroutine's stack and returns how many; the task goes on at once, or after the current turn if
 * Lua is running now. Results are pushed at once in either case, so `result` need only live during
 * the call. A ticket carries a generation: a wake-up that comes too late, for a task that has ended
 * or waits for something else, does nothing. Tasks are woken in the order of the calls.
 */
#ifndef TASK_H
#define TASK_H
#include <lua.h>
#include <stdint.h>

struct loop;
struct vm;
struct task;
struct task_ticket {
    struct task *task;
    uint64_t generation;
};

enum task_outcome { TASK_OK, TASK_FAILED, TASK_STOPPED, TASK_CANCELLED };
/* The task has ended. TASK_OK: `nresults` values are on top of `co`. Else `message` says why, with
 * a traceback for TASK_FAILED (an error was raised) and TASK_STOPPED (ran too long). `co` may not
 * be kept. */
typedef void task_done_fn(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                          const char *message, void *arg);
typedef void task_cancel_fn(void *op);
typedef int task_push_fn(lua_State *co, void *result);

/* Takes the function and its nargs arguments from the top of L (any state of the vm), makes a task
 * of them and starts it: it runs at once if no Lua is running, else after the turn. `name` (may be
 * NULL) is copied; two living tasks may not have one name: then NULL is returned; the values are
 * popped in either case. The task holds a reference to its vm. `done` may be NULL: then failures
 * are logged. A task that runs at once may have ended when this returns: the pointer is good for a
 * comparison and for task_alive(). */
struct task *task_spawn(struct loop *loop, lua_State *L, const char *name, int nargs,
                        task_done_fn *done, void *arg);
/* The child is ended when the parent ends. For a task that was just spawned from the parent. */
void task_adopt(struct task *parent, struct task *child);
/* Ends the task as TASK_CANCELLED: its pending operation is cancelled, its children too (first),
 * its to-be-closed variables are closed. In the middle of a turn the operations are cancelled at
 * once, and the rest follows after the turn. */
void task_kill(struct task *task);
/* Logs TASK_FAILED and TASK_STOPPED, nothing else: for a done callback that has no better use for
 * them. */
void task_log_end(const struct task *task, enum task_outcome outcome, const char *message);
/* Ends every task: for the end of the process, and of a test. */
void task_kill_all(void);
struct task *task_find(const char *name);
int task_count(void);
/* A number that no other task ever has; and whether the task of that number is still alive (its
 * pointer alone may belong to a later one).
 */
uint64_t task_id(const struct task *task);
int task_alive(const struct task *task, uint64_t id);

/* The task that runs L, or NULL: then L may not wait. */
struct task *task_current(lua_State *L);
/* Raises when L may not wait: for a binding that would rather know it before it starts something.
 */
void task_check_wait(lua_State *L);
/* For bindings; raises when L may not wait, after cancel(op); the ticket is void then. cancel(op)
 * is called if the task is killed while it waits; then no wake may follow (one that does is
 * ignored). `cancel` may be NULL. */
int task_wait(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op);
/* The same, and `then` goes on with the binding's stack, the results of the wait on top. */
int task_wait_then(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel, void *op,
                   lua_KFunction then);
void task_wake(struct task_ticket ticket, task_push_fn *push, void *result);

/* Cancelling by asking. task_cancel() sets the task's flag; a wait begun with
 * task_wait_cancellable() ends then: cancel(op), and the binding returns nil, message, "cancelled".
 * Before it begins one, a binding asks task_cancelled(). A shielded task is deaf, and forgets what
 * came before. */
void task_cancel(struct task *task);
int task_cancelled(const struct task *task);
void task_shield(struct task *task);
int task_wait_cancellable(lua_State *L, struct task_ticket *ticket, task_cancel_fn *cancel,
                          void *op);
int task_push_cancelled(lua_State *co, void *unused);
#endif
