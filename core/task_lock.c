#include "task_lock.h"

#include <stdlib.h>
#include <string.h>

/* A lock lives while somebody has a claim on it. The first claim holds it. */
struct task_lock {
    char *name;
    struct task_lock_claim *claims;
    struct task_lock *next;
};

static struct task_lock *locks;

static struct task_lock *find(const char *name)
{
    struct task_lock *lock = locks;

    while (lock && strcmp(lock->name, name) != 0)
        lock = lock->next;
    return lock;
}

static struct task_lock *make(const char *name)
{
    struct task_lock *lock = calloc(1, sizeof *lock);

    if (!lock || !(lock->name = strdup(name))) abort();
    lock->next = locks;
    locks = lock;
    return lock;
}

static void unmake(struct task_lock *lock)
{
    struct task_lock **place = &locks;

    while (*place != lock)
        place = &(*place)->next;
    *place = lock->next;
    free(lock->name);
    free(lock);
}

int task_lock_take(struct task_lock_claim *claim, const char *name)
{
    struct task_lock *lock = find(name);

    if (!lock) lock = make(name);
    struct task_lock_claim **place = &lock->claims;
    while (*place)
        place = &(*place)->next;
    memset(claim, 0, sizeof *claim);
    claim->lock = lock;
    *place = claim;
    return lock->claims == claim;
}

void task_lock_drop(struct task_lock_claim *claim)
{
    struct task_lock *lock = claim->lock;

    if (!lock) return;
    int held = lock->claims == claim;
    struct task_lock_claim **place = &lock->claims;
    while (*place != claim)
        place = &(*place)->next;
    *place = claim->next;
    claim->lock = NULL;
    if (!lock->claims)
        unmake(lock);
    else if (held)
        task_wake(lock->claims->ticket, NULL, NULL);
}
