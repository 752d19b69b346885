#include "loop.h"

#include "clock.h"
#include "log.h"
#include "mem.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

_Static_assert(LOOP_READ == EV_READ && LOOP_WRITE == EV_WRITE, "the same bits");

struct call {
    loop_fn *fn;
    void *arg;
};

struct calls {
    struct call *list;
    size_t count, room;
};

struct loop {
    struct event_base *base;
    int stopped;
    struct calls deferred, running;
    loop_fn *turn_fn;
    void *turn_arg;

    pthread_mutex_t lock; /* guards `posted` */
    struct calls posted;
    int wake_fd;
    struct event wake;
};

struct loop_timer {
    struct event event;
    int64_t repeat_ms;
    loop_fn *fn;
    void *arg;
};

struct loop_watch {
    struct event event;
    loop_fn *fn;
    loop_io_fn *io_fn;
    void *arg;
};

/* --- calls --- */

static void calls_push(struct calls *calls, loop_fn *fn, void *arg)
{
    if (calls->count == calls->room) {
        calls->room = calls->room ? calls->room * 2 : 64;
        calls->list = mem_grow(calls->list, calls->room, sizeof *calls->list);
    }
    calls->list[calls->count++] = (struct call){ fn, arg };
}

/* Runs the calls that are deferred now; calls deferred meanwhile run in the next turn, so that
 * input is not starved. */
static void run_deferred(struct loop *loop)
{
    struct calls calls = loop->deferred;
    loop->deferred = loop->running;
    for (size_t i = 0; i < calls.count; i++)
        calls.list[i].fn(calls.list[i].arg);
    calls.count = 0;
    loop->running = calls;
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
    calls_push(&loop->deferred, fn, arg);
}

void loop_post(struct loop *loop, loop_fn *fn, void *arg)
{
    pthread_mutex_lock(&loop->lock);
    calls_push(&loop->posted, fn, arg);
    int first = loop->posted.count == 1;
    pthread_mutex_unlock(&loop->lock);
    if (first) eventfd_write(loop->wake_fd, 1);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    eventfd_t count;
    eventfd_read(fd, &count);
    pthread_mutex_lock(&loop->lock);
    for (size_t i = 0; i < loop->posted.count; i++)
        loop_defer(loop, loop->posted.list[i].fn, loop->posted.list[i].arg);
    loop->posted.count = 0;
    pthread_mutex_unlock(&loop->lock);
}

/* --- the loop --- */

static void on_libevent_log(int severity, const char *message)
{
    static const enum log_level levels[] = { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
    log_stray(levels[severity & 3], "loop.libevent", message);
}

/* The changelist saves an epoll_ctl() whenever a descriptor's interest is turned off and on within
 * a turn, which evhttp does for every request. */
static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    if (!config) return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_new(void)
{
    struct loop *loop = mem_new(1, sizeof *loop);
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(on_libevent_log);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = base_new();
    pthread_mutex_init(&loop->lock, NULL);
    if (loop->wake_fd < 0 || !loop->base ||
        event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop) !=
            0 ||
        event_add(&loop->wake, NULL) != 0) {
        loop_free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop) return;
    if (event_initialized(&loop->wake)) event_del(&loop->wake);
    if (loop->wake_fd >= 0) close(loop->wake_fd);
    if (loop->base) event_base_free(loop->base);
    pthread_mutex_destroy(&loop->lock);
    free(loop->deferred.list);
    free(loop->running.list);
    free(loop->posted.list);
    free(loop);
}

int loop_run(struct loop *loop)
{
    loop->stopped = 0;
    while (!loop->stopped) {
        int flags = EVLOOP_ONCE | (loop->deferred.count ? EVLOOP_NONBLOCK : 0);
        if (event_base_loop(loop->base, flags) < 0) return -1;
        run_deferred(loop);
        if (loop->turn_fn) loop->turn_fn(loop->turn_arg);
    }
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = 1;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

int64_t loop_now_us(void)
{
    return clock_now_us();
}

int64_t loop_now_ms(void)
{
    return loop_now_us() / 1000;
}

void loop_on_turn_end(struct loop *loop, loop_fn *fn, void *arg)
{
    loop->turn_fn = fn;
    loop->turn_arg = arg;
}

/* --- timers --- */

static void timer_arm(struct loop_timer *timer, int64_t delay_ms)
{
    int64_t real_ms = clock_to_real_ms(delay_ms);
    struct timeval delay = { real_ms / 1000, real_ms % 1000 * 1000 };
    event_add(&timer->event, &delay);
}

/* fn may free the timer, so it is not touched afterwards. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *timer = arg;
    if (timer->repeat_ms > 0) timer_arm(timer, timer->repeat_ms);
    timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, int64_t delay_ms, int64_t repeat_ms,
                                  loop_fn *fn, void *arg)
{
    struct loop_timer *timer = mem_new(1, sizeof *timer);
    *timer = (struct loop_timer){ .repeat_ms = repeat_ms, .fn = fn, .arg = arg };
    evtimer_assign(&timer->event, loop->base, on_timer, timer);
    timer_arm(timer, delay_ms > 0 ? delay_ms : 0);
    return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer) return;
    event_del(&timer->event);
    free(timer);
}

/* --- descriptors and signals --- */

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *watch = arg;
    if (watch->fn)
        watch->fn(watch->arg);
    else
        watch->io_fn(what & (LOOP_READ | LOOP_WRITE), watch->arg);
}

static struct loop_watch *watch_new(struct loop *loop, int fd, int events, loop_fn *fn,
                                    loop_io_fn *io_fn, void *arg)
{
    struct loop_watch *watch = mem_new(1, sizeof *watch);
    *watch = (struct loop_watch){ .fn = fn, .io_fn = io_fn, .arg = arg };
    event_assign(&watch->event, loop->base, fd, (short)(events | EV_PERSIST), on_watch, watch);
    event_add(&watch->event, NULL);
    return watch;
}

struct loop_watch *loop_watch_io(struct loop *loop, int fd, int events, loop_io_fn *fn, void *arg)
{
    return watch_new(loop, fd, events, NULL, fn, arg);
}

struct loop_watch *loop_watch_signal(struct loop *loop, int signo, loop_fn *fn, void *arg)
{
    return watch_new(loop, signo, EV_SIGNAL, fn, NULL, arg);
}

void loop_watch_free(struct loop_watch *watch)
{
    if (!watch) return;
    event_del(&watch->event);
    free(watch);
}
