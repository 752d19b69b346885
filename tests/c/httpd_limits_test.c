#include "httpd_fixture.h"

/* --- refusals --- */

static void expect_refusal(const char *request, int status)
{
    struct wire *wire = wire_open(port);
    int before = requests;
    assert_int_equal(wire_ask(wire, request, NULL), status);
    wire_expect_end(wire);
    assert_int_equal(requests, before);
}

TEST_GROUP("httpd_limits", FIXTURE, .set_up = make_big_body, .tear_down = free_big_body);

TEST(methods)
{
    struct wire *wire = wire_open(port);
    EACH (request, "PATCH / HTTP/1.1\r\n" HOST "\r\n", "OPTIONS / HTTP/1.1\r\n" HOST "\r\n",
          "DELETE / HTTP/1.1\r\n" HOST "\r\n")
        assert_int_equal(wire_ask(wire, request, NULL), 200);
    expect_refusal("TRACE / HTTP/1.1\r\n" HOST "\r\n", 405);
    expect_refusal("CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n", 405);
    expect_refusal("BREW /pot HTTP/1.1\r\n" HOST "\r\n", 501);
}

TEST(targets)
{
    struct wire *wire = wire_open(port);
    wire_gives(wire, GET("http://LOCALHOST/a?b"), 200, "GET /a?b from 127.0.0.1 []");
    wire_gives(wire, GET("http://localhost?b"), 200, "GET /?b from 127.0.0.1 []");
    EACH (request, GET("http://evil/a"), GET("//evil/a"), GET("/a b"), GET("*"))
        expect_refusal(request, 400);
    assert_int_equal(wire_ask(wire, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", NULL), 204);
    assert_contains(wire->text, "\r\nAllow: GET, HEAD, ");
}

TEST(limits)
{
    static char text[200000];
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nX-Long: %0*d\r\n\r\n", 20000, 0);
    expect_refusal(text, 431);
    snprintf(text, sizeof text, GET("/%0*d"), 9000, 0);
    expect_refusal(text, 414);
    strcpy(text, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 101; i++)
        strcat(text, "a:b\r\n");
    expect_refusal(strcat(text, "\r\n"), 431);
    expect_refusal("POST / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n", 413);
    snprintf(text, sizeof text, "POST / HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\n%0*d",
             65536, 0);
    struct wire *wire = wire_open(port);
    assert_int_equal(wire_ask(wire, text, NULL), 200);
}

/* Bytes that never become a request are not buffered without end, and take no time. */
TEST(endless_requests)
{
    char zeros[16384];
    int64_t start_ms = loop_now_ms();
    memset(zeros, '0', sizeof zeros);
    EACH (head, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
          "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfff0\r\n",
          "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;",
          "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n",
          "BREW / HTTP/1.1\r\n\r\n") {
        struct wire *wire = wire_open(port);
        size_t sent = 0;
        char first;
        wire_send(wire->fd, head);
        while (recv(wire->fd, &first, 1, MSG_PEEK) <= 0) {
            ssize_t n = send(wire->fd, zeros, sizeof zeros, MSG_NOSIGNAL);
            if (n > 0) sent += (size_t)n;
            wire_turn(1);
            assert_true(sent < 8 << 20 && loop_now_ms() < start_ms + 3000);
        }
        wire_expect_end(wire);
        assert_contains(wire->text, "\r\nContent-Type: application/problem+json\r\n");
        wire_close(wire);
    }
    assert_int_equal(requests, 0);
}

TEST(body_of_head_is_not_a_request)
{
    static const char smuggled[] = GET("/smuggled");
    char text[400];
    struct wire *wire = wire_open(port);
    snprintf(text, sizeof text,
             "HEAD /1 HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n%s" GET("/2"),
             sizeof smuggled - 1, smuggled);
    wire_send(wire->fd, text);
    wire_expect(wire, "GET /2?");
    wire_forget(wire);
    snprintf(text, sizeof text,
             "HEAD /3 HTTP/1.1\r\n" HOST
             "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n" GET("/4"),
             sizeof smuggled - 1, smuggled);
    wire_send(wire->fd, text);
    wire_expect(wire, "GET /4?");
    wire_send(wire->fd, "HEAD /5 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhe");
    wire_forget(wire);
    wire_expect(wire, "\r\n\r\n");
    wire_send(wire->fd, "llo" GET("/6"));
    wire_expect(wire, "GET /6?");
    assert_int_equal(requests, 6);
}

/* The requests before a refused one are answered first. */
TEST(refusal_in_its_turn)
{
    struct wire *wire =
        wire_begin(port, GET("/hold") GET("/2") "GET /3 HTTP/1.1\r\n\r\n" GET("/4"));
    while (!held)
        wire_turn(1);
    wire_turn(20);
    assert_int_equal(requests, 1);
    reply_text(held, 200, "first");
    wire_expect_end(wire);
    char *first = strstr(wire->text, "first"), *second = strstr(wire->text, "GET /2?"),
         *third = strstr(wire->text, "HTTP/1.1 400 ");
    assert_true(first && first < second && second < third);
    assert_contains(third, "The request has no Host.");
    assert_int_equal(requests, 2);
}

/* The body turns out to be malformed while "100 Continue" is still being sent. */
TEST(refusal_behind_a_continue)
{
    struct wire *wire =
        wire_begin(port, "POST / HTTP/1.1\r\n" HOST
                         "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n?");
    wire_expect_end(wire);
    assert_contains(wire->text, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 ");
}

/* The connection is not reset while the client still sends. */
TEST(refusal_reaches_a_client_that_keeps_sending)
{
    char zeros[65536] = { 0 };
    struct wire *wire =
        wire_begin(port, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5000000\r\n\r\n");
    for (size_t sent = 0; sent < 5000000;) {
        ssize_t n = send(wire->fd, zeros, sizeof zeros, MSG_NOSIGNAL);
        assert_true(n > 0 || errno == EAGAIN);
        if (n > 0) sent += (size_t)n;
        wire_turn(0); /* the server does not wait for ever */
    }
    assert_int_equal(wire_answer(wire, NULL), 413);
    wire_expect_end(wire);
    wire_close(wire);
    while (httpd_connections(server))
        wire_turn(1);
}

/* A client that sends on after its own "close" gets the answer, too; one that stays connected is
 * not waited for without end. */
TEST(close_does_not_reset)
{
    for (int i = 0; i < 20; i++) {
        struct wire *wire =
            wire_begin(port, "GET /1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
        while (requests == i)
            wire_turn(1);
        wire_send(wire->fd, GET("/2"));
        wire_turn(1);
        send(wire->fd, "more", 4, MSG_NOSIGNAL);
        wire_expect(wire, "GET /1?");
        wire_expect_end(wire);
        assert_lacks(wire->text, "GET /2?");
        wire_close(wire);
    }
    struct wire *stays = wire_open(port);
    wire_ask(stays, "GET / HTTP/1.0\r\n\r\n", NULL);
    int64_t start_ms = loop_now_ms();
    while (httpd_connections(server))
        wire_turn(10);
    assert_in_range(loop_now_ms() - start_ms, 1500, 4500);
}

/* --- deadlines --- */

/* Sends one byte every 20 ms, which no idle timeout ends. */
static int drip(struct wire *wire, const char *bytes)
{
    int64_t start_ms = loop_now_ms();
    while (*bytes && send(wire->fd, bytes++, 1, MSG_NOSIGNAL) == 1 &&
           loop_now_ms() - start_ms < 2000) {
        char c;
        wire_turn(20);
        if (recv(wire->fd, &c, 1, MSG_PEEK) >= 0) break;
    }
    return (int)(loop_now_ms() - start_ms);
}

TEST(slow_requests_are_ended)
{
    static const char *const slow[] = { "",
                                        "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n" };
    restart_quick();
    for (int i = 0; i < 2; i++) {
        struct wire *wire = wire_begin(port, slow[i]);
        int took = drip(wire, GET("/this/is/a/request/that/takes/much/too/long/to/come/in/at/this/"
                                  "speed/so/it/is/ended"));
        assert_in_range(took, 80, 1000);
        wire_expect_end(wire);
        assert_memory_equal(wire->text, "HTTP/1.1 408 ", 13);
        wire_close(wire);
    }
    assert_int_equal(requests, 0);
}

TEST(idle_connections_are_closed)
{
    restart_quick();
    struct wire *fresh = wire_open(port), *used = wire_open(port);
    int64_t start_ms = loop_now_ms();
    assert_int_equal(wire_ask(used, GET("/"), NULL), 200);
    wire_forget(used);
    wire_expect_end(used);
    wire_expect_end(fresh);
    assert_in_range(loop_now_ms() - start_ms, 180, 1000);
    assert_int_equal(used->len + fresh->len, 0);
    assert_int_equal(httpd_connections(server), 0);
}

TEST(reader_that_does_not_read_is_closed)
{
    restart_quick();
    wire_begin(port, GET("/big"));
    while (requests == 0)
        wire_turn(1);
    assert_int_equal(httpd_pending(server), 1);
    wire_turn(600);
    expect_idle();
}

/* --- the server --- */

TEST(drain)
{
    struct wire *idle = wire_open(port), *busy = hold(), *soon = wire_open(port);
    assert_int_equal(wire_ask(soon, GET("/"), NULL), 200);
    httpd_drain(server);
    assert_int_equal(wire_ask(soon, GET("/"), NULL), 200);
    assert_contains(soon->text, "\r\nConnection: close\r\n");
    wire_expect_end(idle);
    assert_int_equal(httpd_pending(server), 1);
    reply_text(held, 200, "served");
    wire_expect(busy, "served");
    assert_contains(busy->text, "\r\nConnection: close\r\n");
    wire_expect_end(busy);
    int fd = wire_socket();
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), -1);
    close(fd);
    wire_close(idle);
    wire_close(busy);
    wire_close(soon);
    wire_turn(20);
    assert_int_equal(httpd_connections(server), 0);
}

TEST(free_while_requests_wait)
{
    struct wire *busy = hold();
    struct httpd_request *waiting = held;
    held = NULL;
    open_held(GET("/stream"));
    wire_open(port); /* not accepted yet */
    httpd_free(server);
    assert_int_equal(nclosed, 1);
    assert_int_equal(nended, 1);
    assert_string_equal(httpd_path(waiting), "/hold");
    reply_text(waiting, 200, "discarded");
    httpd_stream_end(held);
    wire_expect_end(busy);
    server = NULL;
}

TEST(listen_failures)
{
    assert_int_equal(httpd_listen(server, "127.0.0.1", port), -1);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(httpd_listen(server, "not a host", 0), -1);
    assert_int_equal(httpd_listen(server, "127.0.0.1", 70000), -1);
    int other = httpd_listen(server, "127.0.0.1", 0);
    assert_true(other > 0 && other != port);
    struct wire *wire = wire_open(other);
    assert_int_equal(wire_ask(wire, GET("/"), NULL), 200);
}
