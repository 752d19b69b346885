#include "httpd_internal.h"
#include "log.h"
#include "loop.h"

#include <stdio.h>
#include <sys/socket.h>

/* What a client sends during a stream is thrown away. Reading stays on, because that is how the
 * client's leaving is seen. */
static void on_input(struct bufferevent *bev, void *evcon)
{
    struct evbuffer *input = bufferevent_get_input(bev);
    (void)evcon;
    evbuffer_drain(input, evbuffer_get_length(input));
}

/* The client had left before the stream began. */
static void tell_gone(void *arg)
{
    struct httpd_conn *conn = arg;
    if (conn->request.evreq) httpd_request_gone(&conn->request);
    httpd_conn_unref(conn);
}

/* Ends the stream for the client, now. Reading then finds the end, and what happens next is the
 * same as when the client leaves. */
static void cut(struct httpd_request *request)
{
    request->cut = 1;
    shutdown(httpd_request_conn(request)->fd, SHUT_RDWR);
}

static void begin(struct httpd_request *request, int status, const struct httpd_field *fields)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    request->close = 1; /* what the client sends meanwhile is not kept */
    request->chunked = request->http11 && !request->is_head;
    struct iovec iov = { conn->httpd->head, httpd_head(request, status, fields, -1) };
    bufferevent_setcb(conn->bev, on_input, NULL, conn->event_cb, conn->evcon);
    on_input(conn->bev, NULL);
    bufferevent_enable(conn->bev, EV_READ);
    if (httpd_conn_send(conn, &iov, 1) != 0 || request->is_head) cut(request);
}

void httpd_stream_start(struct httpd_request *request, int status, const struct httpd_field *fields,
                        void (*on_end)(void *arg), void *arg)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    int open = httpd_request_answer(request);
    request->streaming = 1;
    httpd_on_gone(request, on_end, arg);
    if (open) {
        begin(request, status, fields);
    } else if (conn->httpd) {
        httpd_conn_ref(conn);
        loop_defer(conn->httpd->loop, tell_gone, conn);
    }
}

static void send_piece(struct httpd_request *request, const void *bytes, size_t len)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    char size[20];
    size_t framing = request->chunked ? 2 : 0;
    struct iovec iov[3] = { { size, 0 }, { (void *)(uintptr_t)bytes, len }, { "\r\n", framing } };
    if (request->chunked) iov[0].iov_len = (size_t)snprintf(size, sizeof size, "%zx\r\n", len);
    if (httpd_conn_send(conn, iov, 3) != 0) cut(request);
}

void httpd_stream_write(struct httpd_request *request, const void *bytes, size_t len)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    if (!conn->evcon || request->cut || len == 0) return;
    send_piece(request, bytes, len);
    if (request->cut || httpd_conn_unsent(conn) <= (size_t)conn->httpd->limits.max_stream_backlog)
        return;
    log_line(LOG_INFO, "httpd.stream_cut", "stream %s was cut off: its reader does not read",
             request->id);
    cut(request);
}

void httpd_stream_end(struct httpd_request *request)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    struct iovec last = { "0\r\n\r\n", 5 };
    request->on_gone = NULL;
    if (conn->evcon) bufferevent_disable(conn->bev, EV_READ);
    if (conn->evcon && request->chunked && !request->cut) httpd_conn_send(conn, &last, 1);
    if (conn->evcon && request->cut) httpd_conn_close(conn);
    httpd_request_end(request);
}
