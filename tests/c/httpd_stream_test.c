#include "httpd_fixture.h"

/* --- a handler that waits --- */

TEST_GROUP("httpd_stream", FIXTURE, .set_up = make_big_body, .tear_down = free_big_body);

TEST(late_answer)
{
    const char *body;
    struct wire *wire = hold();
    assert_int_equal(httpd_pending(server), 1);
    wire_turn(20);
    reply_text(held, 200, "late");
    assert_int_equal(wire_answer(wire, &body), 200);
    assert_string_equal(body, "late");
    assert_int_equal(wire_ask(wire, GET("/x"), NULL), 200);
    assert_int_equal(nclosed, 0);
    assert_int_equal(httpd_pending(server), 0);
}

/* Watching for the client to close must not change how the connection is read afterwards. */
TEST(long_request_after_a_late_answer)
{
    static char request[61000];
    struct wire *wire = hold();
    wire_turn(20);
    reply_text(held, 200, "late");
    assert_int_equal(wire_answer(wire, NULL), 200);
    snprintf(request, sizeof request,
             "POST / HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n%0*d", 60000, 0);
    assert_int_equal(wire_ask(wire, request, NULL), 200);
}

TEST(second_request_while_the_first_waits)
{
    struct wire *wire = hold();
    wire_send(wire->fd, GET("/second"));
    wire_turn(20);
    assert_int_equal(requests, 1);
    assert_int_equal(nclosed, 0);
    reply_text(held, 200, "first");
    wire_expect(wire, "GET /second?");
    assert_contains(wire->text, "first");
}

TEST(client_closes_or_resets_while_it_waits)
{
    for (int is_reset = 0; is_reset < 2; is_reset++) {
        struct linger reset = { .l_onoff = is_reset };
        held = NULL;
        nclosed = 0;
        struct wire *wire = hold();
        setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        wire_close(wire);
        assert_true(wire_until(&nclosed));
        assert_string_equal(httpd_path(held), "/hold");
        reply_text(held, 200, "discarded");
        wire_turn(20);
        assert_int_equal(nclosed, 1);
        expect_idle();
    }
}

TEST(half_closed_client_gets_its_late_answer)
{
    const char *body;
    struct wire *wire = hold();
    shutdown(wire->fd, SHUT_WR);
    assert_true(wire_until(&nclosed));
    reply_text(held, 200, "still here");
    assert_int_equal(wire_answer(wire, &body), 200);
    assert_string_equal(body, "still here");
    wire_expect_end(wire);
}

TEST(on_close_can_be_cleared)
{
    struct wire *wire = hold();
    httpd_on_close(held, NULL, NULL);
    wire_close(wire);
    wire_turn(20);
    assert_int_equal(nclosed, 0);
    httpd_cut(held, 0, NULL, NULL, 0, 0);
    assert_int_equal(httpd_connections(server), 0);
}

/* --- streams --- */

TEST(stream)
{
    struct wire *wire = open_held(GET("/stream"));
    httpd_stream_write(held, "one\n", 4);
    wire_expect(wire, "one\n");
    assert_contains(wire->text, "\r\nTransfer-Encoding: chunked\r\n");
    assert_lacks(wire->text, "Content-Length");
    httpd_stream_write(held, "two\n", 4);
    httpd_stream_end(held);
    wire_expect_end(wire);
    assert_string_equal(strstr(wire->text, "\r\n\r\n"),
                        "\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n");
    assert_int_equal(nended, 0);
    assert_int_equal(httpd_pending(server), 0);
    wire_close(wire);
    wire_turn(20);
    assert_int_equal(httpd_connections(server), 0);
}

TEST(stream_for_http_1_0)
{
    struct wire *wire = open_held("GET /stream HTTP/1.0\r\n\r\n");
    httpd_stream_write(held, "one\n", 4);
    httpd_stream_end(held);
    wire_expect_end(wire);
    assert_string_equal(strstr(wire->text, "\r\n\r\n"), "\r\n\r\none\n");
}

TEST(stream_of_head)
{
    struct wire *wire = open_held("HEAD /stream HTTP/1.1\r\n" HOST "\r\n");
    assert_true(wire_until(&nended));
    httpd_stream_write(held, "nothing", 7);
    httpd_stream_end(held);
    wire_expect_end(wire);
    assert_memory_equal(wire->text, "HTTP/1.1 200 OK\r\n", 17);
    assert_string_equal(strstr(wire->text, "\r\n\r\n"), "\r\n\r\n");
    assert_int_equal(httpd_connections(server), 0);
}

TEST(client_closes_a_stream)
{
    struct wire *wire = open_held(GET("/stream"));
    wire_close(wire);
    assert_true(wire_until(&nended));
    httpd_stream_write(held, "x", 1);
    httpd_stream_end(held);
    wire_turn(20);
    assert_int_equal(nended, 1);
    expect_idle();
}

TEST(stream_has_no_idle_timeout)
{
    restart_quick();
    struct wire *wire = open_held(GET("/stream"));
    wire_turn(600);
    assert_int_equal(nended, 0);
    httpd_stream_write(held, "still", 5);
    wire_expect(wire, "still");
    httpd_stream_end(held);
}

TEST(slow_reader_of_a_stream_is_cut_off)
{
    open_held(GET("/stream"));
    for (int i = 0; i < 1000 && !nended; i++) {
        httpd_stream_write(held, big, 65536);
        wire_turn(0);
    }
    assert_int_equal(nended, 1);
    httpd_stream_end(held);
    wire_turn(20);
    assert_int_equal(httpd_connections(server), 0);
}

/* Sends for a while; returns how many bytes were taken. */
static size_t flood(struct wire *wire)
{
    size_t sent = 0;
    for (int i = 0; i < 500; i++) {
        ssize_t n = send(wire->fd, big, 65536, MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        wire_turn(0);
    }
    return sent;
}

TEST(flood_during_a_stream_is_discarded)
{
    struct wire *wire = open_held(GET("/stream"));
    assert_true(flood(wire) > 4 << 20);
    assert_int_equal(nended, 0);
    httpd_stream_write(held, "unmoved", 7);
    wire_expect(wire, "unmoved");
    httpd_stream_end(held);
}

TEST(flood_while_a_handler_waits_stays_in_the_kernel)
{
    struct wire *wire = hold();
    assert_true(flood(wire) < 16 << 20); /* what the kernel's buffers hold */
    reply_text(held, 200, "done");
    wire_expect(wire, "done");
}
