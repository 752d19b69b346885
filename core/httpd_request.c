#include "httpd_request.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

#include <event2/http_struct.h>

/* --- its beginning --- */

static void on_sent(struct evhttp_request *evreq, void *arg)
{
    struct httpd_conn *conn = arg;
    httpd_conn_set_pending(conn, 0);
    if (conn->guard.refusal.status == GUARD_STOPPED)
        httpd_conn_end(conn);
    else
        httpd_conn_wait(conn); /* the next request may have arrived already */
}

struct httpd_request *httpd_request_begin(struct httpd_conns *conns, struct evhttp_request *evreq)
{
    struct bufferevent *bev =
        evhttp_connection_get_bufferevent(evhttp_request_get_connection(evreq));
    struct httpd_conn *conn = conns->by_fd[bufferevent_getfd(bev)];
    struct httpd_request *request = mem_new(1, sizeof *request);
    request->conn = conn;
    request->evreq = evreq;
    request->started_us = loop_now_us();
    request->read = guard_take(&conn->guard);
    request->is_unguarded = !request->read;
    if (!request->read) request->read = guard_request_new();
    request->close = request->read->close;
    httpd_id_make(request->id);
    evreq->flags &= ~EVHTTP_PROXY_REQUEST; /* an absolute target does not make us a proxy */
    evhttp_request_set_on_complete_cb(evreq, on_sent, conn);
    conn->request = request;
    httpd_conn_set_state(conn, CONN_BUSY);
    httpd_conn_set_pending(conn, 1);
    httpd_conn_ref(conn);
    return request;
}

/* --- its end --- */

void httpd_request_closed(struct httpd_request *request)
{
    void (*fn)(void *arg) = request->on_close;
    request->on_close = NULL;
    if (fn) fn(request->on_close_arg);
}

int httpd_request_answer(struct httpd_request *request)
{
    struct httpd_conn *conn = request->conn;
    request->on_close = NULL;
    if (!conn->evcon) return 0;
    httpd_conn_unwatch(conn); /* before anything is written: the two kinds of trigger do not mix on
                                 one descriptor */
    if (conn->conns->is_draining) request->close = 1;
    return 1;
}

struct iovec httpd_request_head(struct httpd_request *request, int status,
                                const struct httpd_field *fields, int64_t length)
{
    struct httpd_head head = { .status = status,
                               .fields = fields,
                               .length = length,
                               .id = request->id,
                               .is_chunked = request->is_chunked,
                               .close = request->close,
                               .keep_alive = !request->read->http11 };
    size_t len;
    const char *bytes = httpd_head_write(&head, &len);
    request->close = head.close;
    return (struct iovec){ (void *)(uintptr_t)bytes, len };
}

/* Makes evhttp wait for another request in any case. It would close at once, and reset the
 * connection if anything is unread; when the connection ends is decided in on_sent(). */
static void keep_open(struct evhttp_request *evreq)
{
    evreq->major = evreq->minor = 1;
    evreq->chunked = 0; /* as the request came; evhttp would take it for how the answer goes */
    while (evhttp_remove_header(evreq->input_headers, "Connection") == 0)
        continue;
}

/* What the socket did not take yet is sent before evhttp reads on. */
static void finish_writing(struct httpd_conn *conn)
{
    bufferevent_disable(conn->bev, EV_READ);
    bufferevent_setcb(conn->bev, NULL, conn->write_cb, conn->event_cb, conn->evcon);
    httpd_conn_set_state(conn, CONN_WRITING);
    conn->answered_ms = conn->since_ms;
}

void httpd_request_end(struct httpd_request *request)
{
    struct httpd_conn *conn = request->conn;
    struct evhttp_request *evreq = request->evreq;
    conn->request = NULL;
    if (conn->evcon) {
        keep_open(evreq);
        if (request->close) guard_stop(&conn->guard);
        conn->unsent = httpd_conn_unsent(conn);
        if (conn->unsent > 0) finish_writing(conn);
    } else { /* evhttp has let go of the request, and frees it below */
        httpd_conn_set_pending(conn, 0);
    }
    evhttp_send_reply_end(evreq);
    guard_request_free(request->read);
    free(request);
    httpd_conn_unref(conn);
}

/* --- reading it --- */

int httpd_request_is_head(const struct httpd_request *request)
{
    return strcmp(request->read->method, "HEAD") == 0;
}

const char *httpd_method(const struct httpd_request *request)
{
    return request->read->method;
}

const char *httpd_path(const struct httpd_request *request)
{
    return guard_request_text(request->read, request->read->path);
}

const char *httpd_query(const struct httpd_request *request)
{
    return guard_request_text(request->read, request->read->query);
}

const char *httpd_header(const struct httpd_request *request, const char *name)
{
    return guard_request_field(request->read, name);
}

const char *httpd_body(const struct httpd_request *request, size_t *len)
{
    struct evbuffer *body = request->evreq->input_buffer;
    *len = evbuffer_get_length(body);
    return *len > 0 ? (const char *)evbuffer_pullup(body, -1) : "";
}

const char *httpd_peer(const struct httpd_request *request)
{
    return request->conn->peer_text;
}

const char *httpd_id(const struct httpd_request *request)
{
    return request->id;
}

void httpd_on_close(struct httpd_request *request, void (*fn)(void *arg), void *arg)
{
    request->on_close = fn;
    request->on_close_arg = arg;
    if (fn && request->conn->evcon && !request->is_stream) httpd_conn_watch(request->conn);
}
