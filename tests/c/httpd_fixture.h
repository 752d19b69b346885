/* httpd_fixture: the server of the httpd tests; the path of a request says what to do with it. */
#ifndef HTTPD_FIXTURE_H
#define HTTPD_FIXTURE_H
#include "httpd.h"
#include "httpd_reply.h"
#include "httpd_request.h"
#include "httpd_stream.h"
#include "log.h"
#include "wire.h"

#define HOST "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

enum { BIG = 8 << 20 };

static struct httpd *server;
static int port;
static struct httpd_request *held; /* the request of /hold or /stream */
static int requests, nclosed, nended;
static char *big;

static inline void on_close(void *arg)
{
    nclosed++;
}

static inline void on_end(void *arg)
{
    nended++;
}

static inline void reply_text(struct httpd_request *request, int status, const char *text)
{
    static const struct httpd_field fields[] = { { "Content-Type", "text/plain" }, { 0 } };
    httpd_reply(request, status, fields, text, strlen(text));
}

static inline void echo(struct httpd_request *request)
{
    char text[1024];
    size_t len;
    const char *body = httpd_body(request, &len);
    snprintf(text, sizeof text, "%s %s?%s from %s [%.*s]", httpd_method(request),
             httpd_path(request), httpd_query(request), httpd_peer(request),
             (int)(len < 500 ? len : 500), body);
    reply_text(request, 200, text);
}

static inline void with_fields(struct httpd_request *request)
{
    static const struct httpd_field fields[] = { { "X-Good", "yes" },
                                                 { "X-Split", "a\r\nX-Evil: 1" },
                                                 { "X Bad", "1" },
                                                 { "", "1" },
                                                 { "Content-Length", "999" },
                                                 { "Cache-Control", "max-age=60" },
                                                 { 0 } };
    httpd_reply(request, 200, fields, "ok", 2);
}

static inline void on_request(struct httpd_request *request, void *arg)
{
    const char *path = httpd_path(request);
    requests++;
    if (strcmp(path, "/hold") == 0) {
        held = request;
        httpd_on_close(request, on_close, NULL);
    } else if (strcmp(path, "/stream") == 0) {
        held = request;
        httpd_stream_start(request, 200, NULL, on_end, NULL);
    } else if (strcmp(path, "/big") == 0) {
        httpd_reply(request, 200, NULL, big, BIG);
    } else if (strcmp(path, "/fields") == 0) {
        with_fields(request);
    } else if (strcmp(path, "/headers") == 0) {
        char text[256];
        const char *mixed = httpd_header(request, "x-mixed");
        const char *cookie = httpd_header(request, "cookie");
        snprintf(text, sizeof text, "%s|%s", mixed ? mixed : "none", cookie ? cookie : "none");
        reply_text(request, 200, text);
    } else if (strcmp(path, "/id") == 0) {
        reply_text(request, 200, httpd_id(request));
    } else if (strcmp(path, "/cut") == 0) {
        httpd_cut(request, 0, NULL, NULL, 0, 0);
    } else if (strcmp(path, "/half") == 0) {
        httpd_cut(request, 200, NULL, "half", 4, 100);
    } else if (strcmp(path, "/204") == 0) {
        httpd_reply(request, 204, NULL, NULL, 0);
    } else if (strcmp(path, "/304") == 0) {
        httpd_reply(request, 304, NULL, "never sent", 10);
    } else {
        echo(request);
    }
}

static inline void start(const struct httpd_limits *limits)
{
    held = NULL;
    requests = nclosed = nended = 0;
    wire_loop = loop_new();
    server = httpd_new(wire_loop, limits, on_request, NULL);
    port = httpd_listen(server, "127.0.0.1", 0);
    assert_true(port > 0);
}

SET_UP()
{
    start(NULL);
}

TEAR_DOWN()
{
    wire_close_all();
    httpd_free(server);
    loop_free(wire_loop);
}

/* The same server again, with other limits. */
static inline void restart(const struct httpd_limits *limits)
{
    tear_down(NULL);
    start(limits);
}

/* The same with limits that are reached soon. */
static inline void restart_quick(void)
{
    struct httpd_limits limits = httpd_default_limits;
    limits.idle_timeout_ms = 200;
    limits.head_timeout_ms = 100;
    limits.request_timeout_ms = 100;
    restart(&limits);
}

/* Sends a request and waits until its handler holds it. */
static inline struct wire *open_held(const char *request)
{
    struct wire *wire = wire_begin(port, request);
    while (!held)
        wire_turn(1);
    return wire;
}

/* Leaves a request waiting for its answer. */
static inline struct wire *hold(void)
{
    return open_held(GET("/hold"));
}

/* No request waits, no connection is open. */
static inline void expect_idle(void)
{
    assert_int_equal(httpd_pending(server), 0);
    assert_int_equal(httpd_connections(server), 0);
}

/* Once for a group. */
static inline int make_big_body(void **state)
{
    big = malloc(BIG);
    for (int i = 0; i < BIG; i++)
        big[i] = (char)('a' + i % 23);
    return 0;
}

static inline int free_big_body(void **state)
{
    free(big);
    return 0;
}
#endif
