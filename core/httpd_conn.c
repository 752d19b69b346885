#include "httpd_conn.h"
#include "clock.h"
#include "http_text.h"
#include "httpd_head.h"
#include "httpd_refusals.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    INPUT_PIECES_MAX = 8, /* that one read may add to an evbuffer; libevent adds four at most */
    FLUSH_MS = 5
};

void httpd_conn_ref(struct httpd_conn *conn)
{
    conn->refs++;
}

void httpd_conn_unref(struct httpd_conn *conn)
{
    if (--conn->refs > 0) return;
    if (conn->conns) TAILQ_REMOVE(&conn->conns->lists[conn->state], conn, next);
    guard_fini(&conn->guard);
    free(conn);
}

void httpd_conn_set_state(struct httpd_conn *conn, enum httpd_conn_state state)
{
    TAILQ_REMOVE(&conn->conns->lists[conn->state], conn, next);
    TAILQ_INSERT_TAIL(&conn->conns->lists[state], conn, next);
    conn->state = state;
    conn->since_ms = clock_real_ms();
}

void httpd_conn_set_pending(struct httpd_conn *conn, int is_pending)
{
    if (conn->conns) conn->conns->npending += is_pending - (int)conn->is_pending;
    conn->is_pending = is_pending != 0;
}

/* Calls fn in a turn of its own, unless the connection is closed first. */
static void call_soon(struct httpd_conn *conn, event_callback_fn fn)
{
    event_del(&conn->event);
    event_assign(&conn->event, bufferevent_get_base(conn->bev), -1, 0, fn, conn);
    event_active(&conn->event, EV_TIMEOUT, 0);
}

/* --- input --- */

/* Replaces the input's last bytes by what the guard has left of them. */
static void replace_end(struct httpd_conn *conn, struct evbuffer *input, size_t before,
                        const struct evbuffer_iovec *pieces, int n)
{
    struct evbuffer *kept = evbuffer_new();
    mem_must(kept);
    evbuffer_cb_clear_flags(input, conn->input_cb, EVBUFFER_CB_ENABLED); /* this is nothing new */
    evbuffer_remove_buffer(input, kept, before);
    for (int i = 0; i < n; i++)
        evbuffer_add(kept, pieces[i].iov_base, pieces[i].iov_len);
    evbuffer_drain(input, evbuffer_get_length(input));
    evbuffer_add_buffer(input, kept);
    evbuffer_cb_set_flags(input, conn->input_cb, EVBUFFER_CB_ENABLED);
    evbuffer_free(kept);
}

static void feed_guard(struct httpd_conn *conn, struct evbuffer *input, size_t added)
{
    struct evbuffer_iovec pieces[INPUT_PIECES_MAX];
    struct evbuffer_ptr from;
    size_t before = evbuffer_get_length(input) - added, kept = 0;
    evbuffer_ptr_set(input, &from, before, EVBUFFER_PTR_SET);
    int n = evbuffer_peek(input, -1, &from, pieces, INPUT_PIECES_MAX);
    if (n > INPUT_PIECES_MAX) n = 0; /* then nothing gets through */
    for (int i = 0; i < n; i++)
        kept += pieces[i].iov_len = guard_feed(&conn->guard, pieces[i].iov_base, pieces[i].iov_len);
    if (kept < added) replace_end(conn, input, before, pieces, n);
}

void httpd_conn_on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
    struct httpd_conn *conn = arg;
    if (info->n_added == 0) return;
    feed_guard(conn, input, info->n_added);
    if (conn->state == CONN_IDLE || conn->state == CONN_HEAD || conn->state == CONN_READING)
        httpd_conn_wait(conn);
}

/* 1 when all requests before the refused one are answered. */
static int is_refusal_due(const struct httpd_conn *conn)
{
    return conn->guard.refusal.status > 0 && !conn->guard.complete &&
           (conn->state == CONN_HEAD || conn->state == CONN_READING);
}

static void on_refusal(evutil_socket_t fd, short what, void *arg)
{
    struct httpd_conn *conn = arg;
    struct timeval pause = { 0, FLUSH_MS * 1000 };
    if (!is_refusal_due(conn)) return;
    if (httpd_conn_unsent(conn) > 0) /* evhttp's "100 Continue" is still being sent */
        event_add(&conn->event, &pause);
    else
        httpd_conn_refuse(conn, conn->guard.refusal);
}

static enum httpd_conn_state waiting_state(const struct httpd_conn *conn)
{
    if (conn->guard.complete || conn->guard.refusal.status) return CONN_READING;
    if (guard_in_head(&conn->guard)) return CONN_HEAD;
    return guard_in_message(&conn->guard) ? CONN_READING : CONN_IDLE;
}

void httpd_conn_wait(struct httpd_conn *conn)
{
    enum httpd_conn_state state = waiting_state(conn);
    if (state != conn->state) httpd_conn_set_state(conn, state);
    if (is_refusal_due(conn)) call_soon(conn, on_refusal);
}

/* --- output --- */

size_t httpd_conn_unsent(const struct httpd_conn *conn)
{
    return evbuffer_get_length(bufferevent_get_output(conn->bev));
}

static ssize_t send_now(int fd, struct iovec *iov, int niov)
{
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = (size_t)niov };
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent;
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
}

/* What the kernel takes at once is not copied, and the caller knows that it is sent, so that a
 * refused client can be lingered for. Not for speed: through the bufferevent's output an answer
 * takes the same processor time. */
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

/* --- the end --- */

void httpd_conn_discard(struct bufferevent *bev, void *evcon)
{
    struct evbuffer *input = bufferevent_get_input(bev);
    evbuffer_drain(input, evbuffer_get_length(input));
}

/* Closing while bytes are unread would reset the connection, and the answer could be lost on its
 * way. */
static void linger(evutil_socket_t fd, short what, void *arg)
{
    struct httpd_conn *conn = arg;
    bufferevent_setcb(conn->bev, httpd_conn_discard, NULL, conn->event_cb, conn->evcon);
    httpd_conn_discard(conn->bev, NULL);
    bufferevent_enable(conn->bev, EV_READ);
    shutdown(conn->fd, SHUT_WR);
    httpd_conn_set_state(conn, CONN_LINGERING);
}

/* evhttp is about to wait for another request, and sets its callbacks after this. */
void httpd_conn_end(struct httpd_conn *conn)
{
    guard_stop(&conn->guard);
    httpd_conn_discard(conn->bev, NULL);
    httpd_conn_set_state(conn, CONN_LINGERING);
    call_soon(conn, linger);
}

static void log_refusal(const struct httpd_conn *conn, const struct guard_refusal *refusal,
                        const char *id)
{
    if (!httpd_refusal_is_logged(&conn->peer, refusal->status, clock_real_ms()) ||
        !log_begin(LOG_INFO, "httpd.refused"))
        return;
    log_int("status", refusal->status);
    log_str("code", refusal->code);
    log_str("request", id);
    log_str("peer", conn->peer_text);
    log_end();
}

/* 1 when what has come of the head says that the client is a browser and its cookies may be why. */
static int is_for_browser(const struct httpd_conn *conn, int status)
{
    const struct guard_request *reading = conn->guard.reading;
    const char *accept = status == 431 && reading ? guard_request_field(reading, "accept") : NULL;
    return accept && http_weight(accept, "text/html") > http_weight(accept, "application/json");
}

void httpd_conn_refuse(struct httpd_conn *conn, struct guard_refusal refusal)
{
    char id[HTTPD_ID_LEN + 1], problem[HTTPD_PROBLEM_BYTES];
    httpd_id_make(id);
    size_t len = httpd_problem_write(problem, refusal.status, refusal.code, refusal.detail, id), n;
    const char *type = "application/problem+json";
    char *body = problem;
    if (conn->conns->too_large_page.len > 0 && is_for_browser(conn, refusal.status)) {
        type = "text/html; charset=utf-8";
        body = conn->conns->too_large_page.data;
        len = conn->conns->too_large_page.len;
    }
    const struct httpd_field fields[] = {
        { "Content-Type", type },
        { "Connection", "close" },
        { refusal.status == 405 ? "Allow" : NULL, httpd_allowed_methods },
        { 0 },
    };
    struct httpd_head head = {
        .status = refusal.status, .fields = fields, .length = (int64_t)len, .id = id
    };
    const char *bytes = httpd_head_write(&head, &n);
    struct iovec iov[2] = { { (void *)(uintptr_t)bytes, n },
                            { body, guard_is_head(&conn->guard) ? 0 : len } };
    log_refusal(conn, &refusal, id);
    if (httpd_conn_send(conn, iov, 2) != 0 || httpd_conn_unsent(conn) > 0)
        httpd_conn_close(conn);
    else
        linger(conn->fd, 0, conn);
}

/* At a timeout evhttp lets go of a request that is held, and frees the rest. */
void httpd_conn_close(struct httpd_conn *conn)
{
    bufferevent_trigger_event(conn->bev, BEV_EVENT_TIMEOUT | BEV_EVENT_READING, 0);
}

/* --- a client that closes while its request waits --- */

/* The event also fires once because the socket is writable; then nothing is wrong. */
static void on_client_closed(evutil_socket_t fd, short what, void *arg)
{
    struct httpd_conn *conn = arg;
    int error = 0;
    socklen_t len = sizeof error;
    if (!(what & EV_CLOSED) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
        error == 0)
        return;
    httpd_conn_unwatch(conn);
    if (conn->request) conn->conns->on_client_closed(conn->request);
}

/* While a handler waits, evhttp reads nothing, and turning its reading on would end the process at
 * the next request. EV_CLOSED reports an orderly end; a reset reaches only an event that asks for
 * reading or writing. Edge-triggered, so that neither repeats itself. */
void httpd_conn_watch(struct httpd_conn *conn)
{
    if (conn->is_watched) return;
    event_del(&conn->event);
    event_assign(&conn->event, bufferevent_get_base(conn->bev), conn->fd,
                 EV_CLOSED | EV_WRITE | EV_ET | EV_PERSIST, on_client_closed, conn);
    event_add(&conn->event, NULL);
    conn->is_watched = 1;
}

/* libevent gathers a turn's changes per descriptor, and a deleted event leaves its edge trigger
 * behind for whatever is added next: evhttp would then read once and never again. Adding and
 * deleting a level-triggered event clears it. */
void httpd_conn_unwatch(struct httpd_conn *conn)
{
    if (!conn->is_watched) return;
    conn->is_watched = 0;
    event_del(&conn->event);
    event_assign(&conn->event, bufferevent_get_base(conn->bev), conn->fd, EV_CLOSED | EV_WRITE,
                 on_client_closed, conn);
    event_add(&conn->event, NULL);
    event_del(&conn->event);
}
