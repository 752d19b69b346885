/* task_lock: named locks for tasks, first come, first served, over all generations of the scripts.
 * Part of task. */
#ifndef TASK_LOCK_H
#define TASK_LOCK_H
#include "task.h"

struct task_lock;
/* One task's wish for a lock, from task_lock_take() to task_lock_drop(). Caller's storage. `ticket`
 * is woken when a claim that had to wait gets the lock. */
struct task_lock_claim {
    struct task_lock *lock;
    struct task_lock_claim *next;
    struct task_ticket ticket;
};

/* Returns 1 when the claim holds the lock now, 0 when it has to wait. */
int task_lock_take(struct task_lock_claim *claim, const char *name);
/* Gives up the lock, or the wait for it. Harmless when done already. */
void task_lock_drop(struct task_lock_claim *claim);
#endif
