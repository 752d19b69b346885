#include "httpd_fixture.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/resource.h>

/* The cap on connections, and which connection is closed to make room. */

TEST_GROUP("httpd_cap", FIXTURE, .set_up = make_big_body, .tear_down = free_big_body);

/* Two connections; senders may take ten minutes for a head or a request. */
static void restart_with_two(void)
{
    struct httpd_limits limits = httpd_default_limits;
    limits.max_connections = 2;
    limits.head_timeout_ms = limits.request_timeout_ms = 600000;
    restart(&limits);
}

TEST(cap)
{
    restart_with_two();
    struct wire *one = wire_open(port);
    wire_open(port);
    struct wire *three = wire_open(port);
    assert_int_equal(wire_ask(one, GET("/1"), NULL), 200);
    wire_send(three->fd, GET("/3"));
    wire_turn(50);
    assert_int_equal(httpd_connections(server), 2);
    assert_int_equal(requests, 1);
    wire_close(one);
    assert_int_equal(wire_answer(three, NULL), 200);
    assert_int_equal(httpd_connections(server), 2);
}

TEST(idle_connection_makes_room_at_the_cap)
{
    restart_with_two();
    struct wire *idle = wire_open(port), *busy = hold();
    struct wire *third = wire_open(port);
    int64_t start_ms = loop_now_ms();
    assert_int_equal(wire_ask(third, GET("/3"), NULL), 200);
    assert_in_range(loop_now_ms() - start_ms, 0, 3500);
    wire_expect_end(idle);
    reply_text(held, 200, "kept");
    wire_expect(busy, "kept");
}

/* Two slow senders must not keep everyone out. */
TEST(slow_senders_make_room_at_the_cap)
{
    restart_with_two();
    struct wire *head = wire_open(port), *body = wire_open(port);
    wire_send(body->fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nslow");
    wire_turn(20);
    wire_send(head->fd, "GET / HTTP/1.1\r\nHos");
    wire_turn(20);
    struct wire *third = wire_open(port);
    assert_int_equal(wire_ask(third, GET("/3"), NULL), 200);
    assert_int_equal(wire_answer(body, NULL), 503); /* the slowest */
    wire_expect_end(body);
    struct wire *fourth = wire_open(port);
    assert_int_equal(wire_ask(fourth, GET("/4"), NULL), 200);
    assert_true(httpd_connections(server) <= 2);
}

/* An IPv4 address of this machine that is not loopback; 0 when it has none. */
static in_addr_t own_address(void)
{
    struct ifaddrs *all, *at;
    in_addr_t found = 0;
    if (getifaddrs(&all) != 0) return 0;
    for (at = all; at; at = at->ifa_next)
        if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET && !(at->ifa_flags & IFF_LOOPBACK))
            found = ((struct sockaddr_in *)at->ifa_addr)->sin_addr.s_addr;
    freeifaddrs(all);
    return found;
}

static struct wire *wire_from(in_addr_t address)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = address };
    struct wire *wire = wire_add(wire_socket());
    assert_int_equal(bind(wire->fd, (struct sockaddr *)&at, sizeof at), 0);
    at.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(wire->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(fcntl(wire->fd, F_SETFL, O_NONBLOCK), 0);
    return wire;
}

TEST(cap_of_an_address)
{
    struct httpd_limits limits = httpd_default_limits;
    in_addr_t address = own_address();
    const char *body;
    char seen[64]; /* of the server: a firewall of this machine may rewrite it */
    if (!address) skip();
    limits.max_connections_each = 2;
    restart(&limits);
    port = httpd_listen(server, "::", 0);
    struct wire *remote[3], *loopback[3];
    for (int i = 0; i < 3; i++)
        remote[i] = wire_from(address);
    assert_int_equal(wire_ask(remote[0], GET("/"), &body), 200);
    assert_int_equal(sscanf(body, "GET /? from %63s", seen), 1);
    assert_null(strstr(seen, "::ffff:"));
    assert_int_equal(wire_ask(remote[1], GET("/"), NULL), 200);
    assert_int_equal(wire_answer(remote[2], NULL), 503);
    assert_contains(remote[2]->text, "too_many_connections");
    wire_expect_end(remote[2]);
    for (int i = 0; i < 3; i++) { /* loopback is not counted */
        loopback[i] = wire_open(port);
        assert_int_equal(wire_ask(loopback[i], GET("/"), &body), 200);
        assert_string_equal(body, "GET /? from 127.0.0.1 []");
    }
    wire_close(remote[0]);
    while (httpd_connections(server) > 4)
        wire_turn(2);
    assert_int_equal(wire_ask(wire_from(address), GET("/"), NULL), 200);
    assert_int_equal(wire_answer(wire_from(address), NULL), 503);
    httpd_exempt(server, seen);
    for (int i = 0; i < 3; i++)
        assert_int_equal(wire_ask(wire_from(address), GET("/"), NULL), 200);
}

TEST(slow_readers_make_room_at_the_cap)
{
    restart_with_two();
    wire_begin(port, GET("/big")); /* and reads nothing of it */
    wire_begin(port, GET("/big"));
    struct wire *third = wire_open(port);
    assert_int_equal(wire_ask(third, GET("/3"), NULL), 200);
    assert_true(httpd_connections(server) <= 2);
}

/* Who reads on, but slowly, is closed at the deadline. */
TEST(deadline_of_an_answer)
{
    struct httpd_limits limits = httpd_default_limits;
    limits.answer_timeout_ms = 600;
    limits.idle_timeout_ms = 300;
    restart(&limits);
    struct wire *wire = wire_begin(port, GET("/big"));
    static char piece[96 << 10];
    while (requests == 0)
        wire_turn(1);
    int64_t start_ms = loop_now_ms();
    while (httpd_connections(server) > 0 && loop_now_ms() - start_ms < 5000) {
        wire_turn(20);
        if (read(wire->fd, piece, sizeof piece) < 0) continue;
    }
    assert_in_range(loop_now_ms() - start_ms, 500, 2500);
}

static int highest_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

TEST(out_of_descriptors)
{
    struct rlimit limit, tight;
    struct wire *first = wire_open(port);
    int fd = wire_socket(), lines[2], turns = 0;
    char logged[65536];
    assert_int_equal(wire_ask(first, GET("/1"), NULL), 200);
    assert_int_equal(pipe(lines), 0);
    log_init(lines[1], LOG_WARN);
    getrlimit(RLIMIT_NOFILE, &limit);
    tight = limit;
    tight.rlim_cur = (rlim_t)highest_fd();
    setrlimit(RLIMIT_NOFILE, &tight);
    wire_dial(fd, port);
    for (int64_t end = loop_now_ms() + 250; loop_now_ms() < end; turns++)
        wire_turn(20);
    assert_int_equal(wire_ask(first, GET("/2"), NULL), 200);
    setrlimit(RLIMIT_NOFILE, &limit);
    struct wire *second = wire_add(fd);
    assert_int_equal(wire_ask(second, GET("/3"), NULL), 200);
    log_flush();
    log_init(STDOUT_FILENO, LOG_ERROR);
    ssize_t len = read(lines[0], logged, sizeof logged - 1);
    assert_in_range(len, 1, 1500); /* a few lines, not a flood */
    close(lines[0]);
    close(lines[1]);
}
