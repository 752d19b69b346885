#include "httpd_fixture.h"

/* --- answers --- */

TEST_GROUP("httpd", FIXTURE, .set_up = make_big_body, .tear_down = free_big_body);

TEST(answer_has_its_fields)
{
    struct wire *wire = wire_open(port);
    wire_gives(wire, GET("/a/b%20c?x=1&y"), 200, "GET /a/b%20c?x=1&y from 127.0.0.1 []");
    assert_memory_equal(wire->text, "HTTP/1.1 200 OK\r\n", 17);
    assert_contains(wire->text, "\r\nDate: ", "\r\nContent-Type: text/plain\r\n",
                    "\r\nCache-Control: no-store\r\n", "\r\nReferrer-Policy: no-referrer\r\n");
    assert_non_null(strstr(
        wire->text, "\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"));
    assert_contains(wire->text, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_lacks(wire->text, "\r\nConnection:");
}

TEST(connection_is_kept)
{
    struct wire *wire = wire_open(port);
    wire_gives(wire, "POST /one HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 200,
               "POST /one? from 127.0.0.1 [abc]");
    wire_gives(wire,
               "PUT /two HTTP/1.1\r\n" HOST
               "Transfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n",
               200, "PUT /two? from 127.0.0.1 [xyz]");
    wire_gives(wire, GET("/three"), 200, "GET /three? from 127.0.0.1 []");
    assert_int_equal(httpd_connections(server), 1);
    assert_int_equal(httpd_pending(server), 0);
}

TEST(pipelined_requests_are_answered_in_order)
{
    struct wire *wire = wire_begin(port, GET("/1") GET("/2") GET("/3"));
    wire_expect(wire, "GET /3?");
    char *second = strstr(wire->text, "GET /2?");
    assert_true(strstr(wire->text, "GET /1?") < second && second < strstr(wire->text, "GET /3?"));
}

/* More than is read ahead, from a client that reads slowly: all are answered. */
TEST(very_many_pipelined_requests)
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

TEST(head_has_no_body)
{
    struct wire *wire = wire_begin(port, "HEAD /x HTTP/1.1\r\n" HOST "\r\n");
    wire_expect(wire, "\r\n\r\n");
    wire_turn(20);
    assert_contains(wire->text, "Content-Length: 26\r\n");
    assert_string_equal(strstr(wire->text, "\r\n\r\n"), "\r\n\r\n");
    wire_gives(wire, GET("/after"), 200, "GET /after? from 127.0.0.1 []");
}

TEST(statuses_without_body)
{
    struct wire *wire = wire_open(port);
    assert_int_equal(wire_ask(wire, GET("/204"), NULL), 204);
    assert_lacks(wire->text, "Content-Length");
    assert_int_equal(wire_ask(wire, GET("/304"), NULL), 304);
    assert_lacks(wire->text, "never");
    assert_int_equal(wire_ask(wire, GET("/x"), NULL), 200);
}

static void expect_close(const char *request)
{
    struct wire *wire = wire_open(port);
    assert_int_equal(wire_ask(wire, request, NULL), 200);
    assert_contains(wire->text, "\r\nConnection: close\r\n");
    wire_expect_end(wire);
}

TEST(connection_list_is_honoured)
{
    struct wire *wire = wire_open(port);
    expect_close("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    expect_close("GET / HTTP/1.1\r\n" HOST "Connection: foo, Close\r\n\r\n");
    expect_close("GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(wire_ask(wire, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", NULL), 200);
    assert_contains(wire->text, "\r\nConnection: keep-alive\r\n");
    assert_int_equal(wire_ask(wire, GET("/"), NULL), 200);
}

TEST(fields_cannot_be_forged)
{
    struct wire *wire = wire_open(port);
    wire_gives(wire, GET("/fields"), 200, "ok");
    assert_contains(wire->text, "\r\nX-Good: yes\r\n", "\r\nCache-Control: max-age=60\r\n");
    assert_lacks(wire->text, "no-store", "Evil", "X Bad", "999");
}

TEST(request_id)
{
    struct wire *wire = wire_open(port);
    char first[17], line[64];
    const char *body;
    assert_int_equal(wire_ask(wire, GET("/id"), &body), 200);
    assert_int_equal(strlen(body), 16);
    assert_int_equal(strspn(body, "0123456789abcdefghijklmnopqrstuvwxyz"), 16);
    snprintf(line, sizeof line, "\r\nX-Request-Id: %s\r\n", body);
    assert_contains(wire->text, line);
    strcpy(first, body);
    wire_ask(wire, "GET /id HTTP/1.1\r\n" HOST "X-Request-Id: 0123456789abcdef\r\n\r\n", &body);
    assert_string_not_equal(body, first);
    assert_string_not_equal(body, "0123456789abcdef");
}

/* Names in any case; repeated lines are joined, cookies by a semicolon. */
TEST(header_fields)
{
    struct wire *wire = wire_open(port);
    const char *body;
    wire_gives(wire,
               "GET /headers HTTP/1.1\r\nx-MiXeD: Case \r\n" HOST
               "Cookie: a=1\r\nX-Mixed:\r\nX-MIXED: 3\r\ncookie: b=2\r\n\r\n",
               200, "Case, , 3|a=1; b=2");
    wire_ask(wire, GET("/headers"), &body);
    assert_string_equal(body, "none|none");
}

TEST(expect_continue)
{
    struct wire *wire = wire_begin(port, "POST /e HTTP/1.1\r\n" HOST
                                         "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    wire_expect(wire, "HTTP/1.1 100 Continue\r\n\r\n");
    wire_gives(wire, "hi", 200, "POST /e? from 127.0.0.1 [hi]");
    assert_int_equal(wire_ask(wire, GET("/"), NULL), 200);
}

TEST(big_answer)
{
    struct wire *wire = wire_open(port);
    const char *body;
    assert_int_equal(wire_ask(wire, GET("/big"), &body), 200);
    assert_memory_equal(body, big, BIG);
    assert_int_equal(wire_ask(wire, GET("/x"), NULL), 200);
}

TEST(big_answer_to_a_half_closed_client)
{
    const char *body;
    struct wire *wire = wire_begin(port, GET("/big"));
    shutdown(wire->fd, SHUT_WR);
    assert_int_equal(wire_answer(wire, &body), 200);
    assert_memory_equal(body, big, BIG);
    wire_expect_end(wire);
}

TEST(cut)
{
    struct wire *wire = wire_begin(port, GET("/cut"));
    wire_expect_end(wire);
    assert_int_equal(wire->len, 0);
    wire_close(wire);
    wire = wire_open(port);
    wire_send(wire->fd, GET("/half"));
    wire_expect_end(wire);
    assert_contains(wire->text, "\r\nContent-Length: 100\r\n");
    assert_string_equal(strstr(wire->text, "\r\n\r\n"), "\r\n\r\nhalf");
    wire_close(wire);
    assert_int_equal(httpd_pending(server), 0);
}
