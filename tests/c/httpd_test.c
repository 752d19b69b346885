#include "httpd.h"
#include "log.h"
#include "wire.h"

#include <sys/resource.h>

#define HOST "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

enum { BIG = 8 << 20 };

static struct httpd *server;
static int port;
static struct httpd_request *held; /* what /hold and /stream keep */
static int requests, gone, ended;
static char *big;

static void on_gone(void *arg)
{
    (void)arg;
    gone++;
}

static void on_end(void *arg)
{
    (void)arg;
    ended++;
}

static void reply_text(struct httpd_request *request, int status, const char *text)
{
    static const struct httpd_field fields[] = { { "Content-Type", "text/plain" }, { 0 } };
    httpd_reply(request, status, fields, text, strlen(text));
}

static void echo(struct httpd_request *request)
{
    char text[1024];
    size_t len;
    const char *body = httpd_body(request, &len);
    snprintf(text, sizeof text, "%s %s?%s from %s [%.*s]", httpd_method(request), httpd_path(request), httpd_query(request),
             httpd_peer(request), (int)(len < 500 ? len : 500), body);
    reply_text(request, 200, text);
}

static void with_fields(struct httpd_request *request)
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

static void count_header(const char *name, const char *value, void *arg)
{
    int *good = arg;
    if (strcmp(name, "x-mixed") == 0 && strcmp(value, "Case") == 0) ++*good;
}

static void on_request(struct httpd_request *request, void *arg)
{
    const char *path = httpd_path(request);
    int good = 0;
    (void)arg;
    requests++;
    if (strcmp(path, "/hold") == 0) {
        held = request;
        httpd_on_gone(request, on_gone, NULL);
    } else if (strcmp(path, "/stream") == 0) {
        held = request;
        httpd_stream_start(request, 200, NULL, on_end, NULL);
    } else if (strcmp(path, "/big") == 0) {
        httpd_reply(request, 200, NULL, big, BIG);
    } else if (strcmp(path, "/fields") == 0) {
        with_fields(request);
    } else if (strcmp(path, "/headers") == 0) {
        httpd_each_header(request, count_header, &good);
        reply_text(request, good == 1 && strcmp(httpd_header(request, "X-MIXED"), "Case") == 0 ? 200 : 500, "");
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

static void start(const struct httpd_limits *limits)
{
    held = NULL;
    requests = gone = ended = 0;
    wire_loop = loop_new();
    server = httpd_new(wire_loop, limits, on_request, NULL);
    port = httpd_listen(server, "127.0.0.1", 0);
    assert_true(port > 0);
}

static int set_up(void **state)
{
    (void)state;
    start(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    httpd_free(server);
    loop_free(wire_loop);
    return 0;
}

/* The same server again, with other limits. */
static void restart(const struct httpd_limits *limits)
{
    tear_down(NULL);
    start(limits);
}

/* ---- answers ---- */

static void test_answer_has_its_fields(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    assert_int_equal(wire_ask(&wire, GET("/a/b%20c?x=1&y"), &body), 200);
    assert_string_equal(body, "GET /a/b%20c?x=1&y from 127.0.0.1 []");
    assert_memory_equal(wire.text, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(wire.text, "\r\nDate: "));
    assert_non_null(strstr(wire.text, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(wire.text, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(wire.text, "\r\nReferrer-Policy: no-referrer\r\n"));
    assert_non_null(strstr(wire.text, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_null(strstr(wire.text, "\r\nConnection:"));
    wire_free(&wire);
}

static void test_connection_is_kept(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    assert_int_equal(wire_ask(&wire, "POST /one HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", &body), 200);
    assert_string_equal(body, "POST /one? from 127.0.0.1 [abc]");
    assert_int_equal(wire_ask(&wire, "PUT /two HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n", &body), 200);
    assert_string_equal(body, "PUT /two? from 127.0.0.1 [xyz]");
    assert_int_equal(wire_ask(&wire, GET("/three"), &body), 200);
    assert_string_equal(body, "GET /three? from 127.0.0.1 []");
    assert_int_equal(httpd_connections(server), 1);
    assert_int_equal(httpd_pending(server), 0);
    wire_free(&wire);
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    wire_send(wire.fd, GET("/1") GET("/2") GET("/3"));
    wire_expect(&wire, "GET /3?");
    char *second = strstr(wire.text, "GET /2?");
    assert_true(strstr(wire.text, "GET /1?") < second && second < strstr(wire.text, "GET /3?"));
    wire_free(&wire);
}

/* More than is read ahead, behind a client that reads slowly: all are answered, and what is read ahead has an end. */
static void test_very_many_pipelined_requests(void **state)
{
    enum { MANY = 20000 };
    static const char one[] = GET("/204");
    struct wire wire = wire_new(port);
    size_t sent = 0, all = MANY * (sizeof one - 1);
    char *text = malloc(all), piece[4096];
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        memcpy(text + i * (sizeof one - 1), one, sizeof one - 1);
    while (requests < MANY) {
        ssize_t n = sent < all ? send(wire.fd, text + sent, all - sent, MSG_NOSIGNAL) : 0;
        if (n > 0) sent += (size_t)n;
        wire_turn(0);
        assert_int_not_equal(recv(wire.fd, piece, sizeof piece, 0), 0);
    }
    free(text);
    wire_free(&wire);
}

static void test_head_has_no_body(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    wire_send(wire.fd, "HEAD /x HTTP/1.1\r\n" HOST "\r\n");
    wire_expect(&wire, "\r\n\r\n");
    wire_turn(20);
    assert_non_null(strstr(wire.text, "Content-Length: 26\r\n"));
    assert_string_equal(strstr(wire.text, "\r\n\r\n"), "\r\n\r\n");
    assert_int_equal(wire_ask(&wire, GET("/after"), &body), 200);
    assert_string_equal(body, "GET /after? from 127.0.0.1 []");
    wire_free(&wire);
}

static void test_statuses_without_body(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    assert_int_equal(wire_ask(&wire, GET("/204"), NULL), 204);
    assert_null(strstr(wire.text, "Content-Length"));
    assert_int_equal(wire_ask(&wire, GET("/304"), NULL), 304);
    assert_null(strstr(wire.text, "never"));
    assert_int_equal(wire_ask(&wire, GET("/x"), NULL), 200);
    wire_free(&wire);
}

static void expect_close(const char *request)
{
    struct wire wire = wire_new(port);
    assert_int_equal(wire_ask(&wire, request, NULL), 200);
    assert_non_null(strstr(wire.text, "\r\nConnection: close\r\n"));
    wire_expect_end(&wire);
    wire_free(&wire);
}

static void test_connection_list_is_honoured(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    expect_close("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    expect_close("GET / HTTP/1.1\r\n" HOST "Connection: foo, Close\r\n\r\n");
    expect_close("GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(wire_ask(&wire, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", NULL), 200);
    assert_non_null(strstr(wire.text, "\r\nConnection: keep-alive\r\n"));
    assert_int_equal(wire_ask(&wire, GET("/"), NULL), 200);
    wire_free(&wire);
}

static void test_fields_cannot_be_forged(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    assert_int_equal(wire_ask(&wire, GET("/fields"), &body), 200);
    assert_string_equal(body, "ok");
    assert_non_null(strstr(wire.text, "\r\nX-Good: yes\r\n"));
    assert_non_null(strstr(wire.text, "\r\nCache-Control: max-age=60\r\n"));
    assert_null(strstr(wire.text, "no-store"));
    assert_null(strstr(wire.text, "Evil"));
    assert_null(strstr(wire.text, "X Bad"));
    assert_null(strstr(wire.text, "999"));
    wire_free(&wire);
}

static void test_request_id(void **state)
{
    struct wire wire = wire_new(port);
    char first[17], line[64];
    const char *body;
    (void)state;
    assert_int_equal(wire_ask(&wire, GET("/id"), &body), 200);
    assert_int_equal(strlen(body), 16);
    assert_int_equal(strspn(body, "0123456789abcdefghijklmnopqrstuvwxyz"), 16);
    snprintf(line, sizeof line, "\r\nX-Request-Id: %s\r\n", body);
    assert_non_null(strstr(wire.text, line));
    strcpy(first, body);
    wire_ask(&wire, "GET /id HTTP/1.1\r\n" HOST "X-Request-Id: 0123456789abcdef\r\n\r\n", &body);
    assert_string_not_equal(body, first);
    assert_string_not_equal(body, "0123456789abcdef");
    wire_free(&wire);
}

static void test_headers_in_any_case(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    assert_int_equal(wire_ask(&wire, "GET /headers HTTP/1.1\r\n" HOST "x-MiXeD: Case\r\n\r\n", NULL), 200);
    wire_free(&wire);
}

static void test_expect_continue(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    wire_send(wire.fd, "POST /e HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    wire_expect(&wire, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(wire_ask(&wire, "hi", &body), 200);
    assert_string_equal(body, "POST /e? from 127.0.0.1 [hi]");
    assert_int_equal(wire_ask(&wire, GET("/"), NULL), 200);
    wire_free(&wire);
}

static void test_big_answer(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    assert_int_equal(wire_ask(&wire, GET("/big"), &body), 200);
    assert_memory_equal(body, big, BIG);
    assert_int_equal(wire_ask(&wire, GET("/x"), NULL), 200);
    wire_free(&wire);
}

static void test_big_answer_to_a_half_closed_client(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    wire_send(wire.fd, GET("/big"));
    shutdown(wire.fd, SHUT_WR);
    assert_int_equal(wire_answer(&wire, &body), 200);
    assert_memory_equal(body, big, BIG);
    wire_expect_end(&wire);
    wire_free(&wire);
}

static void test_cut(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    wire_send(wire.fd, GET("/cut"));
    wire_expect_end(&wire);
    assert_int_equal(wire.len, 0);
    wire_free(&wire);
    wire = wire_new(port);
    wire_send(wire.fd, GET("/half"));
    wire_expect_end(&wire);
    assert_non_null(strstr(wire.text, "\r\nContent-Length: 100\r\n"));
    assert_string_equal(strstr(wire.text, "\r\n\r\n"), "\r\n\r\nhalf");
    wire_free(&wire);
    assert_int_equal(httpd_pending(server), 0);
}

/* ---- what is refused ---- */

static void expect_refusal(const char *request, int status)
{
    struct wire wire = wire_new(port);
    int before = requests;
    assert_int_equal(wire_ask(&wire, request, NULL), status);
    wire_expect_end(&wire);
    assert_int_equal(requests, before);
    wire_free(&wire);
}

static void test_methods(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    assert_int_equal(wire_ask(&wire, "PATCH / HTTP/1.1\r\n" HOST "\r\n", NULL), 200);
    assert_int_equal(wire_ask(&wire, "OPTIONS / HTTP/1.1\r\n" HOST "\r\n", NULL), 200);
    assert_int_equal(wire_ask(&wire, "DELETE / HTTP/1.1\r\n" HOST "\r\n", NULL), 200);
    expect_refusal("TRACE / HTTP/1.1\r\n" HOST "\r\n", 405);
    expect_refusal("CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n", 405);
    expect_refusal("BREW /pot HTTP/1.1\r\n" HOST "\r\n", 501);
    wire_free(&wire);
}

static void test_targets(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    assert_int_equal(wire_ask(&wire, "GET http://LOCALHOST/a?b HTTP/1.1\r\n" HOST "\r\n", &body), 200);
    assert_string_equal(body, "GET /a?b from 127.0.0.1 []");
    assert_int_equal(wire_ask(&wire, "GET http://localhost?b HTTP/1.1\r\n" HOST "\r\n", &body), 200);
    assert_string_equal(body, "GET /?b from 127.0.0.1 []");
    expect_refusal("GET http://evil/a HTTP/1.1\r\n" HOST "\r\n", 400);
    expect_refusal("GET //evil/a HTTP/1.1\r\n" HOST "\r\n", 400);
    expect_refusal("GET /a b HTTP/1.1\r\n" HOST "\r\n", 400);
    expect_refusal("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400);
    wire_free(&wire);
}

static void test_limits(void **state)
{
    static char text[200000];
    (void)state;
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nX-Long: %0*d\r\n\r\n", 20000, 0);
    expect_refusal(text, 400);
    strcpy(text, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 101; i++)
        strcat(text, "a:b\r\n");
    expect_refusal(strcat(text, "\r\n"), 431);
    expect_refusal("POST / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n", 413);
    snprintf(text, sizeof text, "POST / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n%0*d", 65536, 0);
    struct wire wire = wire_new(port);
    assert_int_equal(wire_ask(&wire, text, NULL), 200);
    wire_free(&wire);
}

/* Bytes that never become a request are not gathered without end, and cost no time while they wait. */
static void test_endless_requests(void **state)
{
    static const char *const heads[] = { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
                                         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfff0\r\n",
                                         "BREW / HTTP/1.1\r\n\r\n" };
    char zeros[16384];
    int64_t start_ms = loop_now_ms();
    (void)state;
    memset(zeros, '0', sizeof zeros);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct wire wire = wire_new(port);
        size_t sent = 0;
        wire_send(wire.fd, heads[i]);
        while (httpd_connections(server) || sent == 0) {
            ssize_t n = send(wire.fd, zeros, sizeof zeros, MSG_NOSIGNAL);
            if (n > 0) sent += (size_t)n;
            wire_turn(1);
            assert_true(sent < 8 << 20 && loop_now_ms() < start_ms + 3000);
        }
        wire_free(&wire);
    }
    assert_int_equal(requests, 0);
}

static void test_body_of_head_is_no_request(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    wire_send(wire.fd, "HEAD / HTTP/1.1\r\n" HOST "Content-Length: 40\r\n\r\n" GET("/smuggled"));
    wire_expect_end(&wire);
    assert_int_equal(requests, 1);
    wire_free(&wire);
}

/* ---- deadlines ---- */

static struct httpd_limits quick(void)
{
    struct httpd_limits limits = httpd_default_limits;
    limits.idle_timeout_ms = 200;
    limits.request_timeout_ms = 100;
    return limits;
}

/* Sends one byte every 20 ms, which no idle timeout ends. */
static int drip(struct wire *wire, const char *bytes)
{
    int64_t start_ms = loop_now_ms();
    while (*bytes && send(wire->fd, bytes++, 1, MSG_NOSIGNAL) == 1 && loop_now_ms() - start_ms < 2000) {
        char c;
        wire_turn(20);
        if (recv(wire->fd, &c, 1, MSG_PEEK) >= 0) break;
    }
    return (int)(loop_now_ms() - start_ms);
}

static void test_slow_requests_are_ended(void **state)
{
    static const char *const slow[] = { "", "POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" };
    struct httpd_limits limits = quick();
    (void)state;
    restart(&limits);
    for (int i = 0; i < 2; i++) {
        struct wire wire = wire_new(port);
        wire_send(wire.fd, slow[i]);
        int took = drip(&wire, GET("/this/is/a/request/that/takes/much/too/long/to/come/in/at/this/speed/so/it/is/ended"));
        assert_in_range(took, 80, 1000);
        wire_expect_end(&wire);
        assert_memory_equal(wire.text, "HTTP/1.1 408 ", 13);
        wire_free(&wire);
    }
    assert_int_equal(requests, 0);
}

static void test_idle_connections_are_closed(void **state)
{
    struct httpd_limits limits = quick();
    (void)state;
    restart(&limits);
    struct wire fresh = wire_new(port), used = wire_new(port);
    int64_t start_ms = loop_now_ms();
    assert_int_equal(wire_ask(&used, GET("/"), NULL), 200);
    wire_forget(&used);
    wire_expect_end(&used);
    wire_expect_end(&fresh);
    assert_in_range(loop_now_ms() - start_ms, 180, 1000);
    assert_int_equal(used.len + fresh.len, 0);
    assert_int_equal(httpd_connections(server), 0);
    wire_free(&fresh);
    wire_free(&used);
}

static void test_reader_that_does_not_read_is_closed(void **state)
{
    struct httpd_limits limits = quick();
    (void)state;
    restart(&limits);
    struct wire wire = wire_new(port);
    wire_send(wire.fd, GET("/big"));
    while (requests == 0)
        wire_turn(1);
    assert_int_equal(httpd_pending(server), 1);
    wire_turn(600);
    assert_int_equal(httpd_pending(server), 0);
    assert_int_equal(httpd_connections(server), 0);
    wire_free(&wire);
}

/* ---- a handler that waits ---- */

static void hold(struct wire *wire)
{
    wire_send(wire->fd, GET("/hold"));
    while (!held)
        wire_turn(1);
}

static void test_late_answer(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    hold(&wire);
    assert_int_equal(httpd_pending(server), 1);
    wire_turn(20);
    assert_false(httpd_gone(held));
    reply_text(held, 200, "late");
    assert_int_equal(wire_answer(&wire, &body), 200);
    assert_string_equal(body, "late");
    assert_int_equal(wire_ask(&wire, GET("/x"), NULL), 200);
    assert_int_equal(gone, 0);
    assert_int_equal(httpd_pending(server), 0);
    wire_free(&wire);
}

/* The watch for leaving clients must not change how the connection is read afterwards. */
static void test_long_request_after_a_late_answer(void **state)
{
    static char request[61000];
    struct wire wire = wire_new(port);
    (void)state;
    hold(&wire);
    wire_turn(20);
    reply_text(held, 200, "late");
    assert_int_equal(wire_answer(&wire, NULL), 200);
    snprintf(request, sizeof request, "POST / HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n%0*d", 60000, 0);
    assert_int_equal(wire_ask(&wire, request, NULL), 200);
    wire_free(&wire);
}

static void test_second_request_while_the_first_waits(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    hold(&wire);
    wire_send(wire.fd, GET("/second"));
    wire_turn(20);
    assert_int_equal(requests, 1);
    assert_int_equal(gone, 0);
    reply_text(held, 200, "first");
    wire_expect(&wire, "GET /second?");
    assert_non_null(strstr(wire.text, "first"));
    wire_free(&wire);
}

static void test_client_leaves_while_it_waits(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    hold(&wire);
    wire_free(&wire);
    assert_true(wire_until(&gone));
    assert_true(httpd_gone(held));
    assert_string_equal(httpd_path(held), "/hold");
    reply_text(held, 200, "to nobody");
    wire_turn(20);
    assert_int_equal(gone, 1);
    assert_int_equal(httpd_pending(server), 0);
    assert_int_equal(httpd_connections(server), 0);
}

static void test_client_resets_while_it_waits(void **state)
{
    struct linger reset = { .l_onoff = 1 };
    struct wire wire = wire_new(port);
    (void)state;
    hold(&wire);
    setsockopt(wire.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    wire_free(&wire);
    assert_true(wire_until(&gone));
    reply_text(held, 200, "to nobody");
    wire_turn(20);
    assert_int_equal(gone, 1);
    assert_int_equal(httpd_connections(server), 0);
}

static void test_half_closed_client_gets_its_late_answer(void **state)
{
    struct wire wire = wire_new(port);
    const char *body;
    (void)state;
    hold(&wire);
    shutdown(wire.fd, SHUT_WR);
    assert_true(wire_until(&gone));
    reply_text(held, 200, "still here");
    assert_int_equal(wire_answer(&wire, &body), 200);
    assert_string_equal(body, "still here");
    wire_expect_end(&wire);
    wire_free(&wire);
}

static void test_slot_of_on_gone_can_be_cleared(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    hold(&wire);
    httpd_on_gone(held, NULL, NULL);
    wire_free(&wire);
    wire_turn(20);
    assert_int_equal(gone, 0);
    assert_true(httpd_gone(held));
    httpd_cut(held, 0, NULL, NULL, 0, 0);
    assert_int_equal(httpd_connections(server), 0);
}

/* ---- streams ---- */

static void open_stream(struct wire *wire, const char *request)
{
    wire_send(wire->fd, request);
    while (!held)
        wire_turn(1);
}

static void test_stream(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    open_stream(&wire, GET("/stream"));
    httpd_stream_write(held, "one\n", 4);
    wire_expect(&wire, "one\n");
    assert_non_null(strstr(wire.text, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_null(strstr(wire.text, "Content-Length"));
    httpd_stream_write(held, "two\n", 4);
    httpd_stream_end(held);
    wire_expect_end(&wire);
    assert_string_equal(strstr(wire.text, "\r\n\r\n"), "\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n");
    assert_int_equal(ended, 0);
    assert_int_equal(httpd_pending(server), 0);
    assert_int_equal(httpd_connections(server), 0);
    wire_free(&wire);
}

static void test_stream_for_http_1_0(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    open_stream(&wire, "GET /stream HTTP/1.0\r\n\r\n");
    httpd_stream_write(held, "one\n", 4);
    httpd_stream_end(held);
    wire_expect_end(&wire);
    assert_string_equal(strstr(wire.text, "\r\n\r\n"), "\r\n\r\none\n");
    wire_free(&wire);
}

static void test_stream_of_head(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    open_stream(&wire, "HEAD /stream HTTP/1.1\r\n" HOST "\r\n");
    assert_true(wire_until(&ended));
    httpd_stream_write(held, "nothing", 7);
    httpd_stream_end(held);
    wire_expect_end(&wire);
    assert_memory_equal(wire.text, "HTTP/1.1 200 OK\r\n", 17);
    assert_string_equal(strstr(wire.text, "\r\n\r\n"), "\r\n\r\n");
    assert_int_equal(httpd_connections(server), 0);
    wire_free(&wire);
}

static void test_client_leaves_a_stream(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    open_stream(&wire, GET("/stream"));
    wire_free(&wire);
    assert_true(wire_until(&ended));
    httpd_stream_write(held, "x", 1);
    httpd_stream_end(held);
    wire_turn(20);
    assert_int_equal(ended, 1);
    assert_int_equal(httpd_pending(server), 0);
    assert_int_equal(httpd_connections(server), 0);
}

static void test_stream_has_no_idle_timeout(void **state)
{
    struct httpd_limits limits = quick();
    (void)state;
    restart(&limits);
    struct wire wire = wire_new(port);
    open_stream(&wire, GET("/stream"));
    wire_turn(600);
    assert_int_equal(ended, 0);
    httpd_stream_write(held, "still", 5);
    wire_expect(&wire, "still");
    httpd_stream_end(held);
    wire_free(&wire);
}

static void test_slow_reader_of_a_stream_is_cut_off(void **state)
{
    struct wire wire = wire_new(port);
    (void)state;
    open_stream(&wire, GET("/stream"));
    for (int i = 0; i < 1000 && !ended; i++) {
        httpd_stream_write(held, big, 65536);
        wire_turn(0);
    }
    assert_int_equal(ended, 1);
    httpd_stream_end(held);
    wire_turn(20);
    assert_int_equal(httpd_connections(server), 0);
    wire_free(&wire);
}

static void test_flood_during_a_stream_is_thrown_away(void **state)
{
    struct wire wire = wire_new(port);
    size_t sent = 0;
    (void)state;
    open_stream(&wire, GET("/stream"));
    for (int i = 0; i < 500; i++) {
        ssize_t n = send(wire.fd, big, 65536, MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        wire_turn(0);
    }
    assert_true(sent > 4 << 20);
    assert_int_equal(ended, 0);
    httpd_stream_write(held, "unmoved", 7);
    wire_expect(&wire, "unmoved");
    httpd_stream_end(held);
    wire_free(&wire);
}

static void test_flood_while_a_handler_waits_stays_outside(void **state)
{
    struct wire wire = wire_new(port);
    size_t sent = 0;
    (void)state;
    hold(&wire);
    for (int i = 0; i < 500; i++) {
        ssize_t n = send(wire.fd, big, 65536, MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        wire_turn(0);
    }
    assert_true(sent < 16 << 20); /* what the kernel's buffers hold */
    reply_text(held, 200, "done");
    wire_expect(&wire, "done");
    wire_free(&wire);
}

/* ---- the server ---- */

static void test_cap(void **state)
{
    struct httpd_limits limits = httpd_default_limits;
    (void)state;
    limits.max_connections = 2;
    restart(&limits);
    struct wire one = wire_new(port), two = wire_new(port), three = wire_new(port);
    assert_int_equal(wire_ask(&one, GET("/1"), NULL), 200);
    wire_send(three.fd, GET("/3"));
    wire_turn(50);
    assert_int_equal(httpd_connections(server), 2);
    assert_int_equal(requests, 1);
    wire_free(&one);
    assert_int_equal(wire_answer(&three, NULL), 200);
    assert_int_equal(httpd_connections(server), 2);
    wire_free(&two);
    wire_free(&three);
}

static void test_idle_connection_makes_room_at_the_cap(void **state)
{
    struct httpd_limits limits = httpd_default_limits;
    (void)state;
    limits.max_connections = 2;
    restart(&limits);
    struct wire idle = wire_new(port), busy = wire_new(port);
    hold(&busy);
    struct wire third = wire_new(port);
    int64_t start_ms = loop_now_ms();
    assert_int_equal(wire_ask(&third, GET("/3"), NULL), 200);
    assert_in_range(loop_now_ms() - start_ms, 0, 3500);
    wire_expect_end(&idle);
    reply_text(held, 200, "kept");
    wire_expect(&busy, "kept");
    wire_free(&idle);
    wire_free(&busy);
    wire_free(&third);
}

static int highest_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static void test_out_of_descriptors(void **state)
{
    struct rlimit limit, tight;
    struct wire first = wire_new(port);
    int fd = wire_socket(), lines[2], turns = 0;
    char said[65536];
    (void)state;
    assert_int_equal(wire_ask(&first, GET("/1"), NULL), 200);
    assert_int_equal(pipe(lines), 0);
    log_init(lines[1], LOG_WARN);
    getrlimit(RLIMIT_NOFILE, &limit);
    tight = limit;
    tight.rlim_cur = (rlim_t)highest_fd();
    setrlimit(RLIMIT_NOFILE, &tight);
    wire_dial(fd, port);
    for (int64_t end = loop_now_ms() + 250; loop_now_ms() < end; turns++)
        wire_turn(20);
    assert_int_equal(wire_ask(&first, GET("/2"), NULL), 200);
    setrlimit(RLIMIT_NOFILE, &limit);
    struct wire second = { .fd = fd, .text = calloc(1, 1) };
    assert_int_equal(wire_ask(&second, GET("/3"), NULL), 200);
    log_flush();
    log_init(STDOUT_FILENO, LOG_ERROR);
    ssize_t len = read(lines[0], said, sizeof said - 1);
    assert_in_range(len, 1, 1500); /* a few lines, not a flood */
    close(lines[0]);
    close(lines[1]);
    wire_free(&first);
    wire_free(&second);
}

static void test_drain(void **state)
{
    struct wire idle = wire_new(port), busy = wire_new(port), soon = wire_new(port);
    (void)state;
    hold(&busy);
    assert_int_equal(wire_ask(&soon, GET("/"), NULL), 200);
    httpd_drain(server);
    assert_int_equal(wire_ask(&soon, GET("/"), NULL), 200);
    assert_non_null(strstr(soon.text, "\r\nConnection: close\r\n"));
    wire_expect_end(&idle);
    assert_int_equal(httpd_pending(server), 1);
    reply_text(held, 200, "served");
    wire_expect(&busy, "served");
    assert_non_null(strstr(busy.text, "\r\nConnection: close\r\n"));
    wire_expect_end(&busy);
    int fd = wire_socket();
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), -1);
    close(fd);
    assert_int_equal(httpd_connections(server), 0);
    wire_free(&idle);
    wire_free(&busy);
    wire_free(&soon);
}

static void test_free_while_requests_wait(void **state)
{
    struct wire busy = wire_new(port), streamed = wire_new(port), fresh;
    (void)state;
    hold(&busy);
    struct httpd_request *waiting = held;
    held = NULL;
    open_stream(&streamed, GET("/stream"));
    fresh = wire_new(port); /* not accepted yet */
    httpd_free(server);
    assert_int_equal(gone, 1);
    assert_int_equal(ended, 1);
    assert_string_equal(httpd_path(waiting), "/hold");
    reply_text(waiting, 200, "to nobody");
    httpd_stream_end(held);
    wire_expect_end(&busy);
    wire_free(&busy);
    wire_free(&streamed);
    wire_free(&fresh);
    server = NULL;
}

static void test_listen_failures(void **state)
{
    (void)state;
    assert_int_equal(httpd_listen(server, "127.0.0.1", port), -1);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(httpd_listen(server, "not a host", 0), -1);
    assert_int_equal(httpd_listen(server, "127.0.0.1", 70000), -1);
    int other = httpd_listen(server, "127.0.0.1", 0);
    assert_true(other > 0 && other != port);
    struct wire wire = wire_new(other);
    assert_int_equal(wire_ask(&wire, GET("/"), NULL), 200);
    wire_free(&wire);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answer_has_its_fields),
        TEST(test_connection_is_kept),
        TEST(test_pipelined_requests_are_answered_in_order),
        TEST(test_very_many_pipelined_requests),
        TEST(test_head_has_no_body),
        TEST(test_statuses_without_body),
        TEST(test_connection_list_is_honoured),
        TEST(test_fields_cannot_be_forged),
        TEST(test_request_id),
        TEST(test_headers_in_any_case),
        TEST(test_expect_continue),
        TEST(test_big_answer),
        TEST(test_big_answer_to_a_half_closed_client),
        TEST(test_cut),
        TEST(test_methods),
        TEST(test_targets),
        TEST(test_limits),
        TEST(test_endless_requests),
        TEST(test_body_of_head_is_no_request),
        TEST(test_slow_requests_are_ended),
        TEST(test_idle_connections_are_closed),
        TEST(test_reader_that_does_not_read_is_closed),
        TEST(test_late_answer),
        TEST(test_long_request_after_a_late_answer),
        TEST(test_second_request_while_the_first_waits),
        TEST(test_client_leaves_while_it_waits),
        TEST(test_client_resets_while_it_waits),
        TEST(test_half_closed_client_gets_its_late_answer),
        TEST(test_slot_of_on_gone_can_be_cleared),
        TEST(test_stream),
        TEST(test_stream_for_http_1_0),
        TEST(test_stream_of_head),
        TEST(test_client_leaves_a_stream),
        TEST(test_stream_has_no_idle_timeout),
        TEST(test_slow_reader_of_a_stream_is_cut_off),
        TEST(test_flood_during_a_stream_is_thrown_away),
        TEST(test_flood_while_a_handler_waits_stays_outside),
        TEST(test_cap),
        TEST(test_idle_connection_makes_room_at_the_cap),
        TEST(test_out_of_descriptors),
        TEST(test_drain),
        TEST(test_free_while_requests_wait),
        TEST(test_listen_failures),
    };
    big = malloc(BIG);
    for (int i = 0; i < BIG; i++)
        big[i] = (char)('a' + i % 23);
    log_init(STDOUT_FILENO, LOG_ERROR);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(big);
    return failed;
}
