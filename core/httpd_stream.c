#include "httpd_stream.h"
#include "httpd_request.h"
#include "log.h"
#include "loop.h"

#include <stdio.h>
#include <sys/socket.h>

/* The client had closed before the stream began. */
static void report_closed(void *arg)
{
    struct httpd_conn *conn = arg;
    if (conn->request) httpd_request_closed(conn->request);
    httpd_conn_unref(conn);
}

/* Ends the stream for the client, now. Reading then finds the end, as when the client closes. */
static void cut_off(struct httpd_request *request)
{
    request->is_cut = 1;
    shutdown(request->conn->fd, SHUT_RDWR);
}

static void begin(struct httpd_request *request, int status, const struct httpd_field *fields)
{
    struct httpd_conn *conn = request->conn;
    int is_head = httpd_request_is_head(request);
    request->close = 1; /* what the client sends meanwhile is not kept */
    request->is_chunked = request->read->http11 && !is_head;
    struct iovec iov = httpd_request_head(request, status, fields, -1);
    /* Reading stays on, because it reports that the client closed. */
    bufferevent_setcb(conn->bev, httpd_conn_discard, NULL, conn->event_cb, conn->evcon);
    httpd_conn_discard(conn->bev, NULL);
    bufferevent_enable(conn->bev, EV_READ);
    if (httpd_conn_send(conn, &iov, 1) != 0 || is_head) cut_off(request);
}

void httpd_stream_start(struct httpd_request *request, int status, const struct httpd_field *fields,
                        void (*on_end)(void *arg), void *arg)
{
    struct httpd_conn *conn = request->conn;
    int is_open = httpd_request_answer(request);
    request->is_stream = 1;
    httpd_on_close(request, on_end, arg);
    if (is_open) {
        begin(request, status, fields);
    } else if (conn->conns) {
        httpd_conn_ref(conn);
        loop_defer(conn->conns->loop, report_closed, conn);
    }
}

static void send_piece(struct httpd_request *request, const void *bytes, size_t len)
{
    char size[20];
    struct iovec iov[3] = { { size, 0 }, { (void *)(uintptr_t)bytes, len }, { "\r\n", 0 } };
    if (request->is_chunked) {
        iov[0].iov_len = (size_t)snprintf(size, sizeof size, "%zx\r\n", len);
        iov[2].iov_len = 2;
    }
    if (httpd_conn_send(request->conn, iov, 3) != 0) cut_off(request);
}

void httpd_stream_write(struct httpd_request *request, const void *bytes, size_t len)
{
    struct httpd_conn *conn = request->conn;
    if (!conn->evcon || request->is_cut || len == 0) return;
    send_piece(request, bytes, len);
    if (request->is_cut ||
        httpd_conn_unsent(conn) <= (size_t)conn->conns->limits.max_stream_backlog)
        return;
    log_line(LOG_INFO, "httpd.stream_cut", "stream %s was cut off: its reader does not read",
             request->id);
    cut_off(request);
}

void httpd_stream_end(struct httpd_request *request)
{
    struct httpd_conn *conn = request->conn;
    struct iovec last = { "0\r\n\r\n", 5 };
    request->on_close = NULL;
    if (conn->evcon) bufferevent_disable(conn->bev, EV_READ);
    if (conn->evcon && request->is_chunked && !request->is_cut) httpd_conn_send(conn, &last, 1);
    if (conn->evcon && request->is_cut) httpd_conn_close(conn);
    httpd_request_end(request);
}
