#include "fetch.h"
#include "clock.h"
#include "fetch_easy.h"
#include "loop.h"
#include "mem.h"

TAILQ_HEAD(fetch_list, fetch);

/* A descriptor that libcurl wants to hear of. */
struct fetch_socket {
    LIST_ENTRY(fetch_socket) link;
    struct fetch_pool *pool;
    curl_socket_t fd;
    struct loop_watch *watch;
};

struct fetch_pool {
    struct loop *loop;
    CURLM *multi;
    int most, running, nidle;
    CURL **idle; /* handles to use again */
    struct loop_timer *curl_timer, *deliver_timer;
    struct fetch_list waiting, active, ended;
    LIST_HEAD(fetch_sockets, fetch_socket) sockets;
};

static void fetch_free(struct fetch *fetch)
{
    loop_timer_free(fetch->patience);
    fetch_easy_fini(fetch);
    free(fetch);
}

/* The end of a transfer: noted now, told to the caller from a turn of its own, far from libcurl */

static void deliver(void *arg)
{
    struct fetch_pool *pool = arg;
    struct fetch *fetch, *last = TAILQ_LAST(&pool->ended, fetch_list);
    loop_timer_free(pool->deliver_timer);
    pool->deliver_timer = NULL;
    for (int more = 1; more && (fetch = TAILQ_FIRST(&pool->ended));) {
        more = fetch != last; /* those that end meanwhile have a turn of their own */
        TAILQ_REMOVE(&pool->ended, fetch, link);
        fetch->done(&fetch->result, fetch->arg);
        fetch_free(fetch);
    }
}

static void end(struct fetch *fetch)
{
    struct fetch_pool *pool = fetch->pool;
    fetch->state = FETCH_ENDED;
    TAILQ_INSERT_TAIL(&pool->ended, fetch, link);
    if (!pool->deliver_timer) pool->deliver_timer = loop_timer_new(pool->loop, 0, 0, deliver, pool);
}

/* Starting */

static void release_handle(struct fetch *fetch)
{
    struct fetch_pool *pool = fetch->pool;
    curl_multi_remove_handle(pool->multi, fetch->easy);
    curl_easy_reset(fetch->easy); /* it must not remember this fetch */
    if (pool->nidle < pool->most)
        pool->idle[pool->nidle++] = fetch->easy;
    else
        curl_easy_cleanup(fetch->easy);
    fetch->easy = NULL;
    TAILQ_REMOVE(&pool->active, fetch, link);
    pool->running--;
}

static void launch(struct fetch *fetch)
{
    struct fetch_pool *pool = fetch->pool;
    CURL *easy = pool->nidle ? pool->idle[--pool->nidle] : curl_easy_init();
    if (!easy) abort();
    int64_t left_ms = fetch->timeout_ms - (loop_now_us() - fetch->started_us) / 1000;
    TAILQ_REMOVE(&pool->waiting, fetch, link);
    loop_timer_free(fetch->patience);
    fetch->patience = NULL;
    fetch->state = FETCH_RUNNING;
    TAILQ_INSERT_TAIL(&pool->active, fetch, link);
    pool->running++;
    fetch_easy_set(fetch, easy, left_ms > 0 ? left_ms : 1);
    if (curl_multi_add_handle(pool->multi, easy) != CURLM_OK)
        abort(); /* it fails on misuse and without memory alone */
}

static void launch_waiting(struct fetch_pool *pool)
{
    while (pool->running < pool->most && !TAILQ_EMPTY(&pool->waiting))
        launch(TAILQ_FIRST(&pool->waiting));
}

/* What libcurl asks for, and what the loop tells it */

static void take_ended(struct fetch_pool *pool)
{
    CURLMsg *message;
    struct fetch *fetch;
    int left;
    while ((message = curl_multi_info_read(pool->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode rc = message->data.result; /* the message dies with the handle's removal */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
        fetch_easy_end(fetch, rc, loop_now_us() - fetch->started_us);
        release_handle(fetch);
        end(fetch);
    }
    launch_waiting(pool);
}

static void act(struct fetch_pool *pool, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(pool->multi, fd, events, &running);
    take_ended(pool);
}

static void on_io(int events, void *arg)
{
    struct fetch_socket *s = arg;
    act(s->pool, s->fd,
        (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static void forget_socket(struct fetch_socket *s)
{
    LIST_REMOVE(s, link);
    loop_watch_free(s->watch);
    free(s);
}

static struct fetch_socket *new_socket(struct fetch_pool *pool, curl_socket_t fd)
{
    struct fetch_socket *s = mem_new(1, sizeof *s);
    s->pool = pool;
    s->fd = fd;
    LIST_INSERT_HEAD(&pool->sockets, s, link);
    curl_multi_assign(pool->multi, fd, s);
    return s;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    struct fetch_pool *pool = arg;
    struct fetch_socket *s = socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) forget_socket(s);
        return 0;
    }
    if (!s) s = new_socket(pool, fd);
    loop_watch_free(s->watch);
    s->watch = loop_watch_io(
        pool->loop, fd,
        (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0), on_io, s);
    return 0;
}

static void on_time(void *arg)
{
    struct fetch_pool *pool = arg;
    loop_timer_free(pool->curl_timer);
    pool->curl_timer = NULL;
    act(pool, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct fetch_pool *pool = arg;
    (void)multi;
    loop_timer_free(pool->curl_timer);
    pool->curl_timer = timeout_ms < 0 ? NULL
                                      : loop_timer_new(pool->loop, clock_from_real_ms(timeout_ms),
                                                       0, on_time, pool);
    return 0;
}

/* The pool */

struct fetch_pool *fetch_pool_new(struct loop *loop, int max_parallel)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return NULL;
    struct fetch_pool *pool = mem_new(1, sizeof *pool);
    pool->loop = loop;
    pool->most = max_parallel > 0 ? max_parallel : 1;
    pool->idle = mem_new((size_t)pool->most, sizeof(CURL *));
    TAILQ_INIT(&pool->waiting);
    TAILQ_INIT(&pool->active);
    TAILQ_INIT(&pool->ended);
    LIST_INIT(&pool->sockets);
    if (!(pool->multi = curl_multi_init())) abort();
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)pool->most + 4);
    return pool;
}

void fetch_pool_free(struct fetch_pool *pool)
{
    struct fetch *fetch;
    if (!pool) return;
    while ((fetch = TAILQ_FIRST(&pool->waiting)))
        fetch_cancel(fetch); /* first: the end of one that runs would start them */
    while ((fetch = TAILQ_FIRST(&pool->active)))
        fetch_cancel(fetch);
    while ((fetch = TAILQ_FIRST(&pool->ended)))
        fetch_cancel(fetch);
    while (pool->nidle)
        curl_easy_cleanup(pool->idle[--pool->nidle]);
    curl_multi_cleanup(pool->multi);
    while (!LIST_EMPTY(&pool->sockets))
        forget_socket(LIST_FIRST(&pool->sockets));
    loop_timer_free(pool->curl_timer);
    loop_timer_free(pool->deliver_timer);
    free(pool->idle);
    free(pool);
    curl_global_cleanup();
}

static void lose_patience(void *arg)
{
    struct fetch *fetch = arg;
    TAILQ_REMOVE(&fetch->pool->waiting, fetch, link);
    fetch_easy_end(fetch, CURLE_OPERATION_TIMEDOUT, loop_now_us() - fetch->started_us);
    end(fetch);
}

struct fetch *fetch_start(struct fetch_pool *pool, const struct fetch_options *options,
                          fetch_done_fn *done, void *arg)
{
    struct fetch *fetch = mem_new(1, sizeof *fetch);
    fetch->pool = pool;
    fetch->done = done;
    fetch->arg = arg;
    fetch->started_us = loop_now_us();
    fetch_easy_init(fetch, options);
    if (fetch->result.code) {
        fetch_easy_end(fetch, CURLE_OK, 0);
        end(fetch);
        return fetch;
    }
    TAILQ_INSERT_TAIL(&pool->waiting, fetch, link);
    launch_waiting(pool);
    if (fetch->state == FETCH_WAITING)
        fetch->patience = loop_timer_new(pool->loop, fetch->timeout_ms, 0, lose_patience, fetch);
    return fetch;
}

void fetch_cancel(struct fetch *fetch)
{
    struct fetch_pool *pool = fetch->pool;
    if (fetch->state == FETCH_RUNNING)
        release_handle(fetch);
    else
        TAILQ_REMOVE(fetch->state == FETCH_WAITING ? &pool->waiting : &pool->ended, fetch, link);
    fetch_free(fetch);
    launch_waiting(pool);
}
