/* child: another process of this same program, for work that must not hold up the loop. Loop
 * thread.
 *
 * It ends with its parent, once it called child_follow_parent(). Its output is kept, up to
 * CHILD_OUTPUT bytes of each stream; more ends it. */
#ifndef CHILD_H
#define CHILD_H
#include "loop.h"

#include <stddef.h>

enum { CHILD_OUTPUT = 8 << 20, CHILD_FD = 3 };

struct child;
struct child_options {
    const char *const *arguments;   /* ends with NULL */
    const char *const *environment; /* for env_for_child() */
    const char *input;              /* for its standard input */
    size_t input_len;
    int fd;             /* what it has as descriptor CHILD_FD, or -1; stays the caller's */
    int64_t timeout_ms; /* of real time; then it is killed */
    size_t max_bytes;   /* of memory; 0: no limit */
    int is_ahead;       /* its standard input stays open until child_go() */
};

/* Calls changed(arg) when there is a line to take, and when the child has ended. NULL and errno. */
struct child *child_start(struct loop *loop, const struct child_options *options, loop_fn *changed,
                          void *arg);
/* Ends the standard input of a child that was started ahead, and gives it a time and a callback of
 * its own. Returns -1, and changes nothing, when it has ended or is being killed. */
int child_go(struct child *child, int64_t timeout_ms, loop_fn *changed, void *arg);
/* In a process whose environment has DEPLOYER_PARENT, its parent's pid: makes it end with the
 * parent. Returns -1 when that has ended already. */
int child_follow_parent(void);
/* Kills the child if it still runs. NULL is allowed. */
void child_free(struct child *child);
/* Ends the child; it counts as ended once the system says so. */
void child_kill(struct child *child);
/* The next line of the standard output without its end, or NULL; the last one may lack an end.
 * Valid until the next turn. */
const char *child_peek(const struct child *child, size_t *len);
/* The same, and takes it. */
const char *child_line(struct child *child, size_t *len);
int child_has_ended(const struct child *child);
/* Of an ended child: its exit status; or -1 when a signal ended it. */
int child_status(const struct child *child);
/* Whether it was killed because its time was over. */
int child_was_late(const struct child *child);
/* What it wrote to its standard error so far. Valid until the next turn. */
const char *child_errors(struct child *child);
#endif
