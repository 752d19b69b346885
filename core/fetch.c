#include "fetch.h"
#include "clock.h"
#include "loop.h"
#include "mem.h"

#include <curl/curl.h>
#include <sys/queue.h>

enum fetch_state { FETCH_WAITING, FETCH_RUNNING, FETCH_ENDED };

struct fetch {
    TAILQ_ENTRY(fetch) link;
    struct fetch_pool *pool;
    enum fetch_state state;
    struct fetch_transfer *transfer;
    CURL *easy;                    /* while it runs */
    struct loop_timer *wait_timer; /* while it waits for its turn */
    int64_t started_us;
    fetch_done_fn *done;
    void *arg;
};
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
    int max_parallel, nrunning;
    struct loop_timer *curl_timer, *deliver_timer;
    struct fetch_list lists[FETCH_ENDED + 1]; /* by state */
    LIST_HEAD(fetch_sockets, fetch_socket) sockets;
};

static void set_state(struct fetch *fetch, enum fetch_state state)
{
    TAILQ_REMOVE(&fetch->pool->lists[fetch->state], fetch, link);
    TAILQ_INSERT_TAIL(&fetch->pool->lists[state], fetch, link);
    fetch->state = state;
}

static int64_t elapsed_us(const struct fetch *fetch)
{
    return loop_now_us() - fetch->started_us;
}

static void fetch_free(struct fetch *fetch)
{
    loop_timer_free(fetch->wait_timer);
    fetch_transfer_free(fetch->transfer);
    free(fetch);
}

/* --- the end of a transfer: delivered in a turn of its own, outside libcurl --- */

static void deliver(void *arg)
{
    struct fetch_pool *pool = arg;
    struct fetch_list *ended = &pool->lists[FETCH_ENDED];
    struct fetch *fetch, *last = TAILQ_LAST(ended, fetch_list);
    loop_timer_free(pool->deliver_timer);
    pool->deliver_timer = NULL;
    for (int more = 1; more && (fetch = TAILQ_FIRST(ended));) {
        more = fetch != last; /* those that end meanwhile have a turn of their own */
        TAILQ_REMOVE(ended, fetch, link);
        fetch->done(fetch_transfer_result(fetch->transfer), fetch->arg);
        fetch_free(fetch);
    }
}

static void end(struct fetch *fetch, CURLcode rc)
{
    struct fetch_pool *pool = fetch->pool;
    fetch_transfer_end(fetch->transfer, rc, elapsed_us(fetch));
    loop_timer_free(fetch->wait_timer);
    fetch->wait_timer = NULL;
    set_state(fetch, FETCH_ENDED);
    if (!pool->deliver_timer) pool->deliver_timer = loop_timer_new(pool->loop, 0, 0, deliver, pool);
}

/* --- starting --- */

static void stop_running(struct fetch *fetch)
{
    curl_multi_remove_handle(fetch->pool->multi, fetch->easy);
    fetch->easy = NULL;
    fetch->pool->nrunning--;
}

static void launch(struct fetch *fetch)
{
    int64_t left_ms = fetch_transfer_timeout_ms(fetch->transfer) - elapsed_us(fetch) / 1000;
    loop_timer_free(fetch->wait_timer);
    fetch->wait_timer = NULL;
    set_state(fetch, FETCH_RUNNING);
    fetch->pool->nrunning++;
    fetch->easy = fetch_transfer_handle(fetch->transfer, left_ms > 0 ? left_ms : 1, fetch);
    if (curl_multi_add_handle(fetch->pool->multi, fetch->easy) != CURLM_OK)
        abort(); /* it fails on misuse and without memory alone */
}

static void launch_waiting(struct fetch_pool *pool)
{
    struct fetch_list *waiting = &pool->lists[FETCH_WAITING];
    while (pool->nrunning < pool->max_parallel && !TAILQ_EMPTY(waiting))
        launch(TAILQ_FIRST(waiting));
}

/* --- between libcurl and the loop --- */

static void end_finished(struct fetch_pool *pool)
{
    CURLMsg *message;
    struct fetch *fetch;
    int left;
    while ((message = curl_multi_info_read(pool->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode rc = message->data.result; /* the message dies with the handle's removal */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
        stop_running(fetch);
        end(fetch, rc);
    }
    launch_waiting(pool);
}

static void act(struct fetch_pool *pool, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(pool->multi, fd, events, &running);
    end_finished(pool);
}

static void on_io(int events, void *arg)
{
    struct fetch_socket *socket = arg;
    act(socket->pool, socket->fd,
        (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static void socket_free(struct fetch_socket *socket)
{
    LIST_REMOVE(socket, link);
    loop_watch_free(socket->watch);
    free(socket);
}

static struct fetch_socket *socket_new(struct fetch_pool *pool, curl_socket_t fd)
{
    struct fetch_socket *socket = mem_new(1, sizeof *socket);
    socket->pool = pool;
    socket->fd = fd;
    LIST_INSERT_HEAD(&pool->sockets, socket, link);
    curl_multi_assign(pool->multi, fd, socket);
    return socket;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct fetch_pool *pool = arg;
    struct fetch_socket *socket = known;
    if (what == CURL_POLL_REMOVE) {
        if (socket) socket_free(socket);
        return 0;
    }
    if (!socket) socket = socket_new(pool, fd);
    loop_watch_free(socket->watch);
    int events = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    socket->watch = loop_watch_io(pool->loop, fd, events, on_io, socket);
    return 0;
}

static void on_curl_timer(void *arg)
{
    struct fetch_pool *pool = arg;
    loop_timer_free(pool->curl_timer);
    pool->curl_timer = NULL;
    act(pool, CURL_SOCKET_TIMEOUT, 0);
}

static int set_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct fetch_pool *pool = arg;
    loop_timer_free(pool->curl_timer);
    pool->curl_timer = NULL;
    if (timeout_ms >= 0)
        pool->curl_timer =
            loop_timer_new(pool->loop, clock_from_real_ms(timeout_ms), 0, on_curl_timer, pool);
    return 0;
}

/* --- the pool --- */

struct fetch_pool *fetch_pool_new(struct loop *loop, int max_parallel)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return NULL;
    struct fetch_pool *pool = mem_new(1, sizeof *pool);
    pool->loop = loop;
    pool->max_parallel = max_parallel > 0 ? max_parallel : 1;
    for (int i = 0; i <= FETCH_ENDED; i++)
        TAILQ_INIT(&pool->lists[i]);
    LIST_INIT(&pool->sockets);
    pool->multi = mem_must(curl_multi_init());
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, set_curl_timer);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)pool->max_parallel + 4);
    return pool;
}

/* Waiting fetches first: the end of one that runs would start them. */
void fetch_pool_free(struct fetch_pool *pool)
{
    if (!pool) return;
    for (int i = 0; i <= FETCH_ENDED; i++)
        while (!TAILQ_EMPTY(&pool->lists[i]))
            fetch_cancel(TAILQ_FIRST(&pool->lists[i]));
    curl_multi_cleanup(pool->multi);
    while (!LIST_EMPTY(&pool->sockets))
        socket_free(LIST_FIRST(&pool->sockets));
    loop_timer_free(pool->curl_timer);
    loop_timer_free(pool->deliver_timer);
    free(pool);
    curl_global_cleanup();
}

static void on_wait_timeout(void *fetch)
{
    end(fetch, CURLE_OPERATION_TIMEDOUT);
}

struct fetch *fetch_start(struct fetch_pool *pool, const struct fetch_options *options,
                          fetch_done_fn *done, void *arg)
{
    struct fetch *fetch = mem_new(1, sizeof *fetch);
    *fetch = (struct fetch){ .pool = pool, .done = done, .arg = arg, .started_us = loop_now_us() };
    fetch->transfer = fetch_transfer_new(options);
    TAILQ_INSERT_TAIL(&pool->lists[FETCH_WAITING], fetch, link);
    if (fetch_transfer_result(fetch->transfer)->code) {
        end(fetch, CURLE_OK);
        return fetch;
    }
    launch_waiting(pool);
    if (fetch->state == FETCH_WAITING)
        fetch->wait_timer = loop_timer_new(pool->loop, fetch_transfer_timeout_ms(fetch->transfer),
                                           0, on_wait_timeout, fetch);
    return fetch;
}

void fetch_cancel(struct fetch *fetch)
{
    struct fetch_pool *pool = fetch->pool;
    if (fetch->state == FETCH_RUNNING) stop_running(fetch);
    TAILQ_REMOVE(&pool->lists[fetch->state], fetch, link);
    fetch_free(fetch);
    launch_waiting(pool);
}
