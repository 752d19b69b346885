/* loop: owns the event_base: timers, signals, descriptors, calls after this turn and calls from
 * other threads.
 *
 * Everything in the program runs on this loop, on one thread, unless its header says otherwise. No
 * callback may block. */
#ifndef LOOP_H
#define LOOP_H
#include <stdint.h>

struct event_base;
struct loop;
struct loop_timer;
struct loop_watch;
typedef void loop_fn(void *arg);

/* NULL when out of descriptors. */
struct loop *loop_new(void);
/* Frees the loop; its timers and watches must be freed first. Calls that have not run are dropped.
 */
void loop_free(struct loop *loop);
/* Runs until loop_stop(). 0; or -1 when the loop cannot run. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* For httpd and fetch. */
struct event_base *loop_base(struct loop *loop);
/* The clock that timers run on (clock.h), in milliseconds and in microseconds. */
int64_t loop_now_ms(void);
int64_t loop_now_us(void);

/* Calls fn(arg) once after the current callback has returned to the loop, in the order of the
 * calls. */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);
/* The same from any thread; wakes the loop. Calls from one thread keep their order. */
void loop_post(struct loop *loop, loop_fn *fn, void *arg);
/* Calls fn(arg) at the end of each turn. There can be one such function. */
void loop_on_turn_end(struct loop *loop, loop_fn *fn, void *arg);

/* A timer that calls fn(arg) after `delay_ms`, and then every `repeat_ms` (0: once), on the clock
 * of clock.h. The caller frees it, even after it fired; fn may do so. */
struct loop_timer *loop_timer_new(struct loop *loop, int64_t delay_ms, int64_t repeat_ms,
                                  loop_fn *fn, void *arg);
void loop_timer_free(struct loop_timer *timer);

enum { LOOP_READ = 2, LOOP_WRITE = 4 }; /* libevent's EV_READ and EV_WRITE */
typedef void loop_io_fn(int events, void *arg);
/* Calls fn(events, arg) whenever one of `events` is possible, with those that are, until freed. The
 * descriptor stays the caller's. */
struct loop_watch *loop_watch_io(struct loop *loop, int fd, int events, loop_io_fn *fn, void *arg);
/* Calls fn(arg), on the loop, when the process receives `signo`. */
struct loop_watch *loop_watch_signal(struct loop *loop, int signo, loop_fn *fn, void *arg);
void loop_watch_free(struct loop_watch *watch);
#endif
