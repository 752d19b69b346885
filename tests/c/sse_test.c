#include "sse.h"
#include "httpd.h"
#include "httpd_reply.h"
#include "httpd_request.h"
#include "httpd_stream.h"
#include "log.h"
#include "clock.h"
#include "wire.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static struct httpd *server;
static struct sse *sse;
static int port, subscribed;
static int64_t last_id;
static struct sse_event replay[4];
static int nreplay;

static struct sse_event event(int64_t id, const char *name, const char *data, int last)
{
    return (struct sse_event){ id, name, data, strlen(data), last };
}

/* The path without its slash is the channel, the query the client. */
static void on_request(struct httpd_request *request, void *arg)
{
    subscribed++;
    sse_subscribe(sse, request,
                  &(struct sse_subscription){ .channel = httpd_path(request) + 1,
                                              .client = httpd_query(request),
                                              .last_id = last_id,
                                              .replay = replay,
                                              .nreplay = nreplay });
}

SET_UP()
{
    subscribed = nreplay = 0;
    last_id = 0;
    wire_loop = loop_new();
    server = httpd_new(wire_loop, NULL, on_request, NULL);
    sse = sse_new(wire_loop);
    port = httpd_listen(server, "127.0.0.1", 0);
    assert_true(port > 0);
}

TEAR_DOWN()
{
    wire_close_all();
    sse_free(sse);
    httpd_free(server);
    loop_free(wire_loop);
}

static struct wire *subscribe(const char *request)
{
    struct wire *wire = wire_open(port);
    int before = subscribed;
    wire_send(wire->fd, request);
    while (subscribed == before)
        wire_turn(1);
    wire_expect(wire, "retry: ");
    return wire;
}

static int publish(const char *channel, struct sse_event one)
{
    return sse_publish(sse, channel, &one);
}

TEST_GROUP("sse", FIXTURE);

TEST(head_and_events)
{
    struct wire *wire = subscribe(GET("/a"));
    wire_expect(wire, "retry: 2000\n\n");
    assert_contains(wire->text, "\r\nContent-Type: text/event-stream\r\n",
                    "\r\nCache-Control: no-cache, no-transform\r\n",
                    "\r\nX-Accel-Buffering: no\r\n");
    assert_int_equal(publish("a", event(1, "progress", "{\"percent\":5}", 0)), 1);
    wire_expect(wire, "id: 1\nevent: progress\ndata: {\"percent\":5}\n\n");
    assert_int_equal(sse_count(sse, NULL), 1);
}

TEST(data_of_several_lines)
{
    struct wire *wire = subscribe(GET("/a"));
    publish("a", event(1, "log\nid: 99", "one\ntwo\r\nthree\rfour\n", 0));
    wire_expect(wire,
                "id: 1\nevent: log\ndata: one\ndata: two\ndata: three\ndata: four\ndata: \n\n");
}

TEST(channels_are_apart)
{
    struct wire *one = subscribe(GET("/one")), *two = subscribe(GET("/two")),
                *too = subscribe(GET("/two"));
    assert_int_equal(publish("two", event(1, "x", "for two", 0)), 2);
    assert_int_equal(publish("three", event(1, "x", "no subscriber", 0)), 0);
    assert_int_equal(publish("one", event(1, "x", "for one", 0)), 1);
    wire_expect(two, "for two");
    wire_expect(too, "for two");
    wire_expect(one, "for one");
    assert_lacks(one->text, "for two");
}

TEST(replay_and_live_events_overlap)
{
    last_id = 2;
    EACH (text, "first", "second", "third", "fourth") {
        replay[nreplay] = event(nreplay + 1, "x", text, 0);
        nreplay++;
    }
    struct wire *wire = subscribe(GET("/a"));
    assert_int_equal(publish("a", event(3, "x", "third", 0)), 0);
    assert_int_equal(publish("a", event(4, "x", "fourth", 0)), 0);
    assert_int_equal(publish("a", event(5, "x", "fifth", 0)), 1);
    wire_expect(wire, "fifth");
    assert_lacks(wire->text, "first", "second");
    char *third = strstr(wire->text, "id: 3\n"), *fourth = strstr(wire->text, "id: 4\n");
    assert_true(third && fourth && third < fourth);
    assert_lacks(third + 1, "third\n\nid: 3");
    assert_lacks(fourth + 1, "id: 4\n");
}

TEST(last_event_ends_the_stream)
{
    struct wire *one = subscribe(GET("/a")), *two = subscribe(GET("/a"));
    assert_int_equal(publish("a", event(1, "ready", "done", 1)), 2);
    assert_int_equal(sse_count(sse, NULL), 0);
    wire_expect_end(one);
    wire_expect_end(two);
    assert_contains(one->text, "data: done\n\n\r\n0\r\n\r\n");
    assert_int_equal(publish("a", event(2, "x", "no subscriber", 0)), 0);
}

TEST(replayed_last_event_ends_the_stream)
{
    nreplay = 1;
    replay[0] = event(7, "ready", "done", 1);
    struct wire *wire = subscribe(GET("/a"));
    wire_expect_end(wire);
    assert_contains(wire->text, "id: 7\nevent: ready\ndata: done\n\n");
    wire_close(wire);
    last_id = 7; /* seen before: there is nothing more to come */
    wire = subscribe(GET("/a"));
    wire_expect_end(wire);
    assert_lacks(wire->text, "id: 7");
    assert_int_equal(sse_count(sse, NULL), 0);
}

TEST(streams_of_a_client_are_counted)
{
    struct wire *two = subscribe(GET("/b?anna"));
    subscribe(GET("/a?anna"));
    subscribe(GET("/a?ann"));
    subscribe(GET("/a"));
    assert_int_equal(sse_count(sse, NULL), 4);
    assert_int_equal(sse_count(sse, "anna"), 2);
    assert_int_equal(sse_count(sse, "ann"), 1);
    assert_int_equal(sse_count(sse, "bob"), 0);
    publish("a", event(1, "ready", "done", 1));
    assert_int_equal(sse_count(sse, "anna"), 1);
    wire_close(two);
    while (sse_count(sse, "anna") > 0)
        wire_turn(1);
}

TEST(reader_closes)
{
    struct wire *one = subscribe(GET("/a")), *two = subscribe(GET("/a"));
    wire_close(one);
    while (sse_count(sse, NULL) == 2)
        wire_turn(1);
    assert_int_equal(publish("a", event(1, "x", "still here", 0)), 1);
    wire_expect(two, "still here");
    wire_close(two);
    while (sse_count(sse, NULL) > 0)
        wire_turn(1);
    assert_int_equal(httpd_connections(server), 0);
}

TEST(slow_reader_is_cut_off_and_the_others_are_not)
{
    static char data[65536];
    struct wire *quick = subscribe(GET("/a"));
    subscribe(GET("/a")); /* does not read */
    memset(data, 'd', sizeof data - 1);
    for (int64_t id = 1; id < 500 && sse_count(sse, NULL) == 2; id++) {
        publish("a", event(id, "x", data, 0));
        wire_forget(quick);
        wire_expect(quick, "d\n\n");
    }
    assert_int_equal(sse_count(sse, NULL), 1);
    publish("a", event(1000, "x", "for the quick", 0));
    wire_expect(quick, "for the quick");
}

TEST(heartbeat)
{
    char c;
    clock_scale_set("20"); /* 10 s take half a second */
    struct wire *wire = subscribe(GET("/a"));
    wire_expect(wire, "retry: 2000\n\n\r\n");
    wire_forget(wire);
    wire_turn(9000);
    assert_int_equal(recv(wire->fd, &c, 1, MSG_PEEK), -1);
    wire_turn(1500);
    wire_expect(wire, ":\n\n\r\n");
    assert_string_equal(wire->text, "3\r\n:\n\n\r\n");
    clock_scale_set("1");
}

TEST(drain)
{
    struct wire *one = subscribe(GET("/a")), *two = subscribe(GET("/b"));
    int retry = 0;
    wire_forget(one);
    sse_drain(sse);
    wire_expect_end(one);
    wire_expect_end(two);
    assert_int_equal(sscanf(strstr(one->text, "retry:"), "retry: %d\n\n", &retry), 1);
    assert_in_range(retry, 1000, 3000);
    struct wire *late = subscribe(GET("/a"));
    wire_expect_end(late);
    assert_int_equal(sse_count(sse, NULL), 0);
}

TEST(head_request)
{
    struct wire *wire = wire_begin(port, "HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    wire_expect_end(wire);
    assert_string_equal(strstr(wire->text, "\r\n\r\n"), "\r\n\r\n");
    assert_int_equal(sse_count(sse, NULL), 0);
}
