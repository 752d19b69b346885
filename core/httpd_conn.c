#include "httpd_internal.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVICT_MS = 1000, /* at the cap, a connection that is idle, or sends a request, for so long makes
                        room */
    EVICT_MOST = 64, /* in one sweep */
    LINGER_MS = 2000, /* a connection whose last answer is sent: its client's time to see it */
    LINE_BYTES = 4096 /* the line of a chunk's size, and some */
};

/* Deadlines are no matter of microseconds, and this clock costs next to nothing. */
static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void start_sweep(struct httpd *httpd)
{
    struct timeval soon = { 0, 10000 };
    if (!event_pending(&httpd->sweep_event, EV_TIMEOUT, NULL))
        event_add(&httpd->sweep_event, &soon);
}

void httpd_conn_ref(struct httpd_conn *conn)
{
    conn->refs++;
}

void httpd_conn_unref(struct httpd_conn *conn)
{
    if (--conn->refs > 0) return;
    if (conn->httpd) TAILQ_REMOVE(&conn->httpd->conns[conn->state], conn, next);
    free(conn);
}

void httpd_conn_set_state(struct httpd_conn *conn, enum conn_state state)
{
    TAILQ_REMOVE(&conn->httpd->conns[conn->state], conn, next);
    TAILQ_INSERT_TAIL(&conn->httpd->conns[state], conn, next);
    conn->state = state;
    conn->since_ms = now_ms();
}

void httpd_conn_uncount(struct httpd_conn *conn)
{
    if (conn->counted && conn->httpd) conn->httpd->npending--;
    conn->counted = 0;
}

struct httpd_conn *httpd_conn_of(struct httpd *httpd, struct evhttp_request *evreq)
{
    return httpd->by_fd[bufferevent_getfd(
        evhttp_connection_get_bufferevent(evhttp_request_get_connection(evreq)))];
}

static void remember(struct httpd_conn *conn)
{
    struct httpd *httpd = conn->httpd;
    if (conn->fd >= httpd->by_fd_room) {
        int room = conn->fd * 2 + 64;
        httpd->by_fd = mem_grow(httpd->by_fd, (size_t)room, sizeof *httpd->by_fd);
        memset(httpd->by_fd + httpd->by_fd_room, 0,
               (size_t)(room - httpd->by_fd_room) * sizeof *httpd->by_fd);
        httpd->by_fd_room = room;
    }
    httpd->by_fd[conn->fd] = conn;
}

/* ---- sending ---- */

size_t httpd_conn_unsent(const struct httpd_conn *conn)
{
    return evbuffer_get_length(bufferevent_get_output(conn->bev));
}

/* What the socket takes at once. */
static ssize_t send_now(int fd, struct iovec *iov, int niov)
{
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = (size_t)niov };
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent;
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
}

int httpd_conn_send(struct httpd_conn *conn, struct iovec *iov, int niov)
{
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    ssize_t sent = evbuffer_get_length(output) > 0 ? 0 : send_now(conn->fd, iov, niov);
    if (sent < 0) return -1;
    for (int i = 0; i < niov; i++) {
        size_t skip = (size_t)sent < iov[i].iov_len ? (size_t)sent : iov[i].iov_len;
        sent -= (ssize_t)skip;
        if (skip < iov[i].iov_len)
            evbuffer_add(output, (char *)iov[i].iov_base + skip, iov[i].iov_len - skip);
    }
    if (evbuffer_get_length(output) > 0) bufferevent_enable(conn->bev, EV_WRITE);
    return 0;
}

/* evhttp takes a timeout for a reason to let go of a request that is held, and to free the rest. */
void httpd_conn_close(struct httpd_conn *conn)
{
    bufferevent_trigger_event(conn->bev, BEV_EVENT_TIMEOUT | BEV_EVENT_READING, 0);
}

/* ---- its beginning ---- */

/* More than the largest request takes: evhttp must be able to make something of that. */
static size_t most_input(const struct httpd_conn *conn)
{
    return (size_t)(conn->httpd->limits.max_header_bytes + conn->httpd->limits.max_body_bytes) +
           LINE_BYTES;
}

/* evhttp is closing the connection; a request that is held it has let go of before. */
static void on_close(struct evhttp_connection *evcon, void *arg)
{
    struct httpd_conn *conn = arg;
    struct httpd *httpd = conn->httpd;
    (void)evcon;
    httpd_conn_unwatch(conn);
    event_del(&conn->event);
    evbuffer_remove_cb_entry(bufferevent_get_input(conn->bev), conn->input_cb);
    httpd->by_fd[conn->fd] = NULL;
    conn->evcon = NULL;
    conn->bev = NULL;
    httpd_peer_leave(conn);
    httpd_conn_set_state(conn, CONN_GONE);
    httpd->nconnections--;
    if (httpd->full) {
        httpd->full = 0;
        httpd_accept_update(httpd);
    }
    if (conn->request.evreq)
        httpd_request_gone(&conn->request);
    else
        httpd_conn_uncount(conn);
    httpd_conn_unref(conn);
}

static void turn_away(struct httpd_conn *conn, const char *why)
{
    httpd_conn_ref(conn);
    httpd_conn_refuse(conn, 503, "too_many_connections", why);
    if (conn->evcon) httpd_conn_close(conn); /* it shall not linger, that would be one more */
    httpd_conn_unref(conn);
}

/* The factory runs before evhttp has made its connection; a one-shot event runs after that, and
 * before the socket can close. */
void httpd_conn_attach(struct httpd_conn *conn)
{
    struct bufferevent *bev = conn->bev;
    void *evcon;
    event_del(&conn->event);
    bufferevent_getcb(bev, NULL, &conn->write_cb, &conn->event_cb, &evcon);
    if (!conn->event_cb) { /* evhttp gave up */
        conn->httpd->nconnections--;
        httpd_conn_unref(conn);
    } else {
        conn->evcon = evcon;
        conn->fd = bufferevent_getfd(bev);
        remember(conn);
        evhttp_connection_set_closecb(conn->evcon, on_close, conn);
        bufferevent_setwatermark(bev, EV_READ, 0, most_input(conn));
        conn->input_cb = evbuffer_add_cb(bufferevent_get_input(bev), httpd_guard_on_input, conn);
        guard_init(&conn->guard, &conn->httpd->guard_limits);
        httpd_conn_set_state(conn, CONN_IDLE);
        start_sweep(conn->httpd);
        if (httpd_peer_arrive(conn) != 0)
            turn_away(conn, "Too many connections are open from this address.");
    }
    bufferevent_decref(bev);
}

static void on_attach(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    httpd_conn_attach(arg);
}

static int has_been_long(const struct httpd_conn *conn)
{
    return conn && now_ms() - conn->since_ms >= EVICT_MS;
}

/* Whose request has been arriving for longest. */
static struct httpd_conn *slowest(struct httpd *httpd)
{
    struct httpd_conn *head = TAILQ_FIRST(&httpd->conns[CONN_HEAD]),
                      *body = TAILQ_FIRST(&httpd->conns[CONN_READING]);
    return !head || (body && body->since_ms < head->since_ms) ? body : head;
}

/* Closes a connection that is over for us, or the one that has been idle longest, or the slowest
 * sender: thousands of those must not keep others out until their time is over. Returns 0 when none
 * has been for long. */
static int evict(struct httpd *httpd)
{
    struct httpd_conn *over = TAILQ_FIRST(&httpd->conns[CONN_LINGERING]),
                      *idle = TAILQ_FIRST(&httpd->conns[CONN_IDLE]);
    if (over || has_been_long(idle)) {
        httpd_conn_close(over ? over : idle);
        return 1;
    }
    struct httpd_conn *slow = slowest(httpd);
    if (!has_been_long(slow)) return 0;
    turn_away(slow, "Too many connections are open, and this request took too long to arrive.");
    return 1;
}

/* At the cap such a connection makes room; if there is none, nothing more is accepted until one
 * closes. */
static void make_room(struct httpd *httpd)
{
    if (httpd->nconnections < httpd->limits.max_connections || evict(httpd)) return;
    log_line(LOG_WARN, "httpd.full", "%d connections are open, the most allowed; new ones wait",
             httpd->nconnections);
    httpd->full = 1;
    httpd_accept_update(httpd);
}

struct bufferevent *httpd_conn_new(struct event_base *base, void *arg)
{
    struct httpd *httpd = arg;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
    if (!bev) return NULL;
    struct httpd_conn *conn = mem_new(1, sizeof *conn);
    conn->httpd = httpd;
    conn->bev = bev;
    conn->refs = 1;
    conn->state = CONN_NEW;
    TAILQ_INSERT_TAIL(&httpd->conns[CONN_NEW], conn, next);
    httpd->nconnections++;
    bufferevent_incref(bev);
    event_assign(&conn->event, base, -1, 0, on_attach, conn);
    event_active(&conn->event, EV_TIMEOUT, 0);
    make_room(httpd);
    return bev;
}

/* ---- its end ---- */

/* A reader that is slow but reads gets more time. */
static int has_moved(struct httpd_conn *conn)
{
    size_t unsent = conn->state == CONN_WRITING ? httpd_conn_unsent(conn) : conn->unsent;
    if (unsent == conn->unsent) return 0;
    conn->unsent = unsent;
    return 1;
}

static void sweep_list(struct httpd *httpd, enum conn_state state, int64_t timeout_ms)
{
    int64_t now = now_ms();
    struct httpd_conn *conn;
    while ((conn = TAILQ_FIRST(&httpd->conns[state])) && now - conn->since_ms >= timeout_ms) {
        if (has_moved(conn))
            httpd_conn_set_state(conn, state);
        else if (state == CONN_HEAD || state == CONN_READING)
            httpd_conn_refuse(conn, 408, "request_timeout", "The request took too long to arrive.");
        else
            httpd_conn_close(conn);
    }
}

void httpd_conn_sweep(struct httpd *httpd)
{
    for (int i = 0; httpd->full && i < EVICT_MOST && evict(httpd); i++)
        continue;
    sweep_list(httpd, CONN_IDLE, httpd->limits.idle_timeout_ms);
    sweep_list(httpd, CONN_HEAD, httpd->limits.head_timeout_ms);
    sweep_list(httpd, CONN_READING, httpd->limits.request_timeout_ms);
    sweep_list(httpd, CONN_WRITING, httpd->limits.idle_timeout_ms);
    sweep_list(httpd, CONN_LINGERING, LINGER_MS);
}
