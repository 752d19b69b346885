#include "httpd_fixture.h"

/* --- answers --- */

static void test_answer_has_its_fields(void **state)
{
    struct wire *wire = wire_open(port);
    const char *body;
    assert_int_equal(wire_ask(wire, GET("/a/b%20c?x=1&y"), &body), 200);
    assert_string_equal(body, "GET /a/b%20c?x=1&y from 127.0.0.1 []");
    assert_memory_equal(wire->text, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(wire->text, "\r\nDate: "));
    assert_non_null(strstr(wire->text, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(wire->text, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(wire->text, "\r\nReferrer-Policy: no-referrer\r\n"));
    assert_non_null(strstr(
        wire->text, "\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"));
    assert_non_null(strstr(wire->text, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_null(strstr(wire->text, "\r\nConnection:"));
}

static void test_connection_is_kept(void **state)
{
    struct wire *wire = wire_open(port);
    const char *body;
    assert_int_equal(
        wire_ask(wire, "POST /one HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", &body), 200);
    assert_string_equal(body, "POST /one? from 127.0.0.1 [abc]");
    assert_int_equal(wire_ask(wire,
                              "PUT /two HTTP/1.1\r\n" HOST
                              "Transfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n",
                              &body),
                     200);
    assert_string_equal(body, "PUT /two? from 127.0.0.1 [xyz]");
    assert_int_equal(wire_ask(wire, GET("/three"), &body), 200);
    assert_string_equal(body, "GET /three? from 127.0.0.1 []");
    assert_int_equal(httpd_connections(server), 1);
    assert_int_equal(httpd_pending(server), 0);
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    struct wire *wire = wire_open(port);
    wire_send(wire->fd, GET("/1") GET("/2") GET("/3"));
    wire_expect(wire, "GET /3?");
    char *second = strstr(wire->text, "GET /2?");
    assert_true(strstr(wire->text, "GET /1?") < second && second < strstr(wire->text, "GET /3?"));
}

/* More than is read ahead, from a client that reads slowly: all are answered. */
static void test_very_many_pipelined_requests(void **state)
{
    enum { MANY = 20000 };
    static const char one[] = GET("/204");
    struct wire *wire = wire_open(port);
    size_t sent = 0, all = MANY * (sizeof one - 1);
    char *text = malloc(all), piece[4096];
    for (size_t i = 0; i < MANY; i++)
        memcpy(text + i * (sizeof one - 1), one, sizeof one - 1);
    while (requests < MANY) {
        ssize_t n = sent < all ? send(wire->fd, text + sent, all - sent, MSG_NOSIGNAL) : 0;
        if (n > 0) sent += (size_t)n;
        wire_turn(0);
        assert_int_not_equal(recv(wire->fd, piece, sizeof piece, 0), 0);
    }
    free(text);
}

static void test_head_has_no_body(void **state)
{
    struct wire *wire = wire_open(port);
    const char *body;
    wire_send(wire->fd, "HEAD /x HTTP/1.1\r\n" HOST "\r\n");
    wire_expect(wire, "\r\n\r\n");
    wire_turn(20);
    assert_non_null(strstr(wire->text, "Content-Length: 26\r\n"));
    assert_string_equal(strstr(wire->text, "\r\n\r\n"), "\r\n\r\n");
    assert_int_equal(wire_ask(wire, GET("/after"), &body), 200);
    assert_string_equal(body, "GET /after? from 127.0.0.1 []");
}

static void test_statuses_without_body(void **state)
{
    struct wire *wire = wire_open(port);
    assert_int_equal(wire_ask(wire, GET("/204"), NULL), 204);
    assert_null(strstr(wire->text, "Content-Length"));
    assert_int_equal(wire_ask(wire, GET("/304"), NULL), 304);
    assert_null(strstr(wire->text, "never"));
    assert_int_equal(wire_ask(wire, GET("/x"), NULL), 200);
}

static void expect_close(const char *request)
{
    struct wire *wire = wire_open(port);
    assert_int_equal(wire_ask(wire, request, NULL), 200);
    assert_non_null(strstr(wire->text, "\r\nConnection: close\r\n"));
    wire_expect_end(wire);
}

static void test_connection_list_is_honoured(void **state)
{
    struct wire *wire = wire_open(port);
    expect_close("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    expect_close("GET / HTTP/1.1\r\n" HOST "Connection: foo, Close\r\n\r\n");
    expect_close("GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(wire_ask(wire, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", NULL), 200);
    assert_non_null(strstr(wire->text, "\r\nConnection: keep-alive\r\n"));
    assert_int_equal(wire_ask(wire, GET("/"), NULL), 200);
}

static void test_fields_cannot_be_forged(void **state)
{
    struct wire *wire = wire_open(port);
    const char *body;
    assert_int_equal(wire_ask(wire, GET("/fields"), &body), 200);
    assert_string_equal(body, "ok");
    assert_non_null(strstr(wire->text, "\r\nX-Good: yes\r\n"));
    assert_non_null(strstr(wire->text, "\r\nCache-Control: max-age=60\r\n"));
    assert_null(strstr(wire->text, "no-store"));
    assert_null(strstr(wire->text, "Evil"));
    assert_null(strstr(wire->text, "X Bad"));
    assert_null(strstr(wire->text, "999"));
}

static void test_request_id(void **state)
{
    struct wire *wire = wire_open(port);
    char first[17], line[64];
    const char *body;
    assert_int_equal(wire_ask(wire, GET("/id"), &body), 200);
    assert_int_equal(strlen(body), 16);
    assert_int_equal(strspn(body, "0123456789abcdefghijklmnopqrstuvwxyz"), 16);
    snprintf(line, sizeof line, "\r\nX-Request-Id: %s\r\n", body);
    assert_non_null(strstr(wire->text, line));
    strcpy(first, body);
    wire_ask(wire, "GET /id HTTP/1.1\r\n" HOST "X-Request-Id: 0123456789abcdef\r\n\r\n", &body);
    assert_string_not_equal(body, first);
    assert_string_not_equal(body, "0123456789abcdef");
}

/* Names in any case; repeated lines are joined, cookies by a semicolon. */
static void test_header_fields(void **state)
{
    struct wire *wire = wire_open(port);
    const char *body;
    assert_int_equal(wire_ask(wire,
                              "GET /headers HTTP/1.1\r\nx-MiXeD: Case \r\n" HOST
                              "Cookie: a=1\r\nX-Mixed:\r\nX-MIXED: 3\r\ncookie: b=2\r\n\r\n",
                              &body),
                     200);
    assert_string_equal(body, "Case, , 3|a=1; b=2");
    wire_ask(wire, GET("/headers"), &body);
    assert_string_equal(body, "none|none");
}

static void test_expect_continue(void **state)
{
    struct wire *wire = wire_open(port);
    const char *body;
    wire_send(wire->fd,
              "POST /e HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    wire_expect(wire, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(wire_ask(wire, "hi", &body), 200);
    assert_string_equal(body, "POST /e? from 127.0.0.1 [hi]");
    assert_int_equal(wire_ask(wire, GET("/"), NULL), 200);
}

static void test_big_answer(void **state)
{
    struct wire *wire = wire_open(port);
    const char *body;
    assert_int_equal(wire_ask(wire, GET("/big"), &body), 200);
    assert_memory_equal(body, big, BIG);
    assert_int_equal(wire_ask(wire, GET("/x"), NULL), 200);
}

static void test_big_answer_to_a_half_closed_client(void **state)
{
    struct wire *wire = wire_open(port);
    const char *body;
    wire_send(wire->fd, GET("/big"));
    shutdown(wire->fd, SHUT_WR);
    assert_int_equal(wire_answer(wire, &body), 200);
    assert_memory_equal(body, big, BIG);
    wire_expect_end(wire);
}

static void test_cut(void **state)
{
    struct wire *wire = wire_open(port);
    wire_send(wire->fd, GET("/cut"));
    wire_expect_end(wire);
    assert_int_equal(wire->len, 0);
    wire_close(wire);
    wire = wire_open(port);
    wire_send(wire->fd, GET("/half"));
    wire_expect_end(wire);
    assert_non_null(strstr(wire->text, "\r\nContent-Length: 100\r\n"));
    assert_string_equal(strstr(wire->text, "\r\n\r\n"), "\r\n\r\nhalf");
    wire_close(wire);
    assert_int_equal(httpd_pending(server), 0);
}

static const struct CMUnitTest tests[] = {
    TEST(test_answer_has_its_fields),
    TEST(test_connection_is_kept),
    TEST(test_pipelined_requests_are_answered_in_order),
    TEST(test_very_many_pipelined_requests),
    TEST(test_head_has_no_body),
    TEST(test_statuses_without_body),
    TEST(test_connection_list_is_honoured),
    TEST(test_fields_cannot_be_forged),
    TEST(test_request_id),
    TEST(test_header_fields),
    TEST(test_expect_continue),
    TEST(test_big_answer),
    TEST(test_big_answer_to_a_half_closed_client),
    TEST(test_cut),
};

TEST_GROUP(httpd, tests, make_big_body, free_big_body)
