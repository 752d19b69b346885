#include "httpd_internal.h"
#include "log.h"

#include <sys/socket.h>

enum {
    MOST_PIECES = 8, /* that one read may put into an evbuffer; libevent makes four at most */
    FLUSH_MS = 5
};

/* ---- what comes in ---- */

/* Puts in place of the input's last bytes what the guard has left of them. */
static void replace_end(struct httpd_conn *conn, struct evbuffer *input, size_t before,
                        const struct evbuffer_iovec *pieces, int n)
{
    struct evbuffer *kept = evbuffer_new();
    evbuffer_cb_clear_flags(input, conn->input_cb, EVBUFFER_CB_ENABLED); /* this is nothing new */
    evbuffer_remove_buffer(input, kept, before);
    for (int i = 0; i < n; i++)
        evbuffer_add(kept, pieces[i].iov_base, pieces[i].iov_len);
    evbuffer_drain(input, evbuffer_get_length(input));
    evbuffer_add_buffer(input, kept);
    evbuffer_cb_set_flags(input, conn->input_cb, EVBUFFER_CB_ENABLED);
    evbuffer_free(kept);
}

static void show_guard(struct httpd_conn *conn, struct evbuffer *input, size_t added)
{
    struct evbuffer_iovec pieces[MOST_PIECES];
    struct evbuffer_ptr from;
    size_t before = evbuffer_get_length(input) - added, kept = 0;
    evbuffer_ptr_set(input, &from, before, EVBUFFER_PTR_SET);
    int n = evbuffer_peek(input, -1, &from, pieces, MOST_PIECES);
    if (n > MOST_PIECES) n = 0; /* cannot be; then nothing gets through */
    for (int i = 0; i < n; i++)
        kept += pieces[i].iov_len = guard_feed(&conn->guard, pieces[i].iov_base, pieces[i].iov_len);
    if (kept < added) replace_end(conn, input, before, pieces, n);
}

void httpd_guard_on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
    struct httpd_conn *conn = arg;
    if (info->n_added == 0) return;
    show_guard(conn, input, info->n_added);
    if (conn->state == CONN_IDLE || conn->state == CONN_HEAD || conn->state == CONN_READING)
        httpd_guard_wait(conn);
}

/* ---- what does not pass ---- */

/* Its turn has come: all requests before it are answered. */
static int is_due(const struct httpd_conn *conn)
{
    return conn->guard.status > 0 && conn->begun == conn->guard.messages &&
           (conn->state == CONN_HEAD || conn->state == CONN_READING);
}

static void on_refusal(evutil_socket_t fd, short what, void *arg)
{
    struct httpd_conn *conn = arg;
    struct timeval pause = { 0, FLUSH_MS * 1000 };
    (void)fd, (void)what;
    if (!is_due(conn)) return;
    if (httpd_conn_unsent(conn) > 0) /* evhttp has told it to continue, just before */
        event_add(&conn->event, &pause);
    else
        httpd_conn_refuse(conn, conn->guard.status, conn->guard.code, conn->guard.detail);
}

static enum conn_state state_of(const struct httpd_conn *conn)
{
    if (conn->begun != conn->guard.messages || conn->guard.status) return CONN_READING;
    if (guard_in_head(&conn->guard)) return CONN_HEAD;
    return guard_in_message(&conn->guard) ? CONN_READING : CONN_IDLE;
}

static void soon(struct httpd_conn *conn, event_callback_fn fn)
{
    event_del(&conn->event);
    event_assign(&conn->event, bufferevent_get_base(conn->bev), -1, 0, fn, conn);
    event_active(&conn->event, EV_TIMEOUT, 0);
}

void httpd_guard_wait(struct httpd_conn *conn)
{
    enum conn_state state = state_of(conn);
    if (state != conn->state) httpd_conn_set_state(conn, state);
    if (is_due(conn)) soon(conn, on_refusal);
}

/* ---- the end ---- */

static void throw_away(struct bufferevent *bev, void *evcon)
{
    struct evbuffer *input = bufferevent_get_input(bev);
    (void)evcon;
    evbuffer_drain(input, evbuffer_get_length(input));
}

/* Closing while bytes are unread would reset the connection, and the answer could be lost on its
 * way. */
static void linger(struct httpd_conn *conn)
{
    bufferevent_setcb(conn->bev, throw_away, NULL, conn->event_cb, conn->evcon);
    throw_away(conn->bev, NULL);
    bufferevent_enable(conn->bev, EV_READ);
    shutdown(conn->fd, SHUT_WR);
    httpd_conn_set_state(conn, CONN_LINGERING);
}

static void on_end(evutil_socket_t fd, short what, void *conn)
{
    (void)fd, (void)what;
    linger(conn);
}

/* evhttp is about to wait for another request, and sets its callbacks after this. */
void httpd_guard_end(struct httpd_conn *conn)
{
    guard_stop(&conn->guard);
    throw_away(conn->bev, NULL);
    httpd_conn_set_state(conn, CONN_LINGERING);
    soon(conn, on_end);
}

static void note(const struct httpd_conn *conn, int status, const char *code)
{
    char host[INET6_ADDRSTRLEN];
    if (!log_begin(LOG_INFO, "httpd.refused")) return;
    log_int("status", status);
    log_str("code", code);
    log_str("request", conn->request.id);
    log_str("peer", httpd_peer_text(conn, host));
    log_end();
}

void httpd_conn_refuse(struct httpd_conn *conn, int status, const char *code, const char *detail)
{
    struct httpd_request *request = &conn->request;
    char body[HTTPD_PROBLEM_BYTES];
    httpd_request_clear(request);
    request->close = request->http11 = 1;
    request->is_head = guard_is_head(&conn->guard);
    size_t len = httpd_problem(request, body, status, code, detail);
    size_t head = httpd_head(request, status, httpd_problem_fields(status), (int64_t)len);
    struct iovec iov[2] = { { conn->httpd->head, head }, { body, request->is_head ? 0 : len } };
    note(conn, status, code);
    if (httpd_conn_send(conn, iov, 2) != 0 || httpd_conn_unsent(conn) > 0)
        httpd_conn_close(conn);
    else
        linger(conn);
}
