/* loop: owns the event_base. Timers, signals, readable descriptors, "after this turn", and "from
 * another thread".
 *
 * Everything in the program runs on this loop, on one thread, unless its header says otherwise. No
 * callback may block.
 */
#ifndef LOOP_H
#define LOOP_H
#include <stdint.h>

struct event_base;
struct loop;
struct loop_timer;
struct loop_watch;
typedef void loop_fn(void *arg);

/* New loop, or NULL (out of memory or descriptors). */
struct loop *loop_new(void);
/* Frees the loop; timers and watches must be freed first. Posted work that has not run is dropped.
 */
void loop_free(struct loop *loop);
/* Runs until loop_stop(). Returns 0, or -1 when the loop cannot run. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* The base, for httpd and fetch alone. */
struct event_base *loop_base(struct loop *loop);
/* The clock that timers run on (clock.h), in milliseconds and in microseconds. */
int64_t loop_now_ms(void);
int64_t loop_now_us(void);

/* Calls fn(arg) once after the current callback has returned to the loop, in the order of the
 * calls. Never fails: aborts when out of memory. */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);
/* The same from any thread; wakes the loop. Order is kept for calls from one thread. */
void loop_post(struct loop *loop, loop_fn *fn, void *arg);
/* Called at the end of each turn in which something ran (log flush, ...). One slot. */
void loop_on_turn_end(struct loop *loop, loop_fn *fn, void *arg);

/* A timer that calls fn(arg) after `delay_ms`, and then every `repeat_ms` (0: once), on the clock
 * of clock.h. Freed by the caller, also from inside fn, also after it fired. */
struct loop_timer *loop_timer_new(struct loop *loop, int64_t delay_ms, int64_t repeat_ms,
                                  loop_fn *fn, void *arg);
void loop_timer_free(struct loop_timer *timer);

/* Calls fn(arg) when `fd` is readable, until freed; the caller keeps the descriptor. */
struct loop_watch *loop_watch_fd(struct loop *loop, int fd, loop_fn *fn, void *arg);
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
typedef void loop_io_fn(int events, void *arg);
/* Calls fn(events, arg) whenever `fd` can be read from or written to, of these what is asked for,
 * until freed; the caller keeps the descriptor. */
struct loop_watch *loop_watch_io(struct loop *loop, int fd, int events, loop_io_fn *fn, void *arg);
/* Calls fn(arg), on the loop, when the process gets `signo`. */
struct loop_watch *loop_watch_signal(struct loop *loop, int signo, loop_fn *fn, void *arg);
void loop_watch_free(struct loop_watch *watch);
#endif
