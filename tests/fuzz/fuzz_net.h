/* fuzz_net: sends bytes to a server that runs on this thread, on a new connection, and turns the
 * loop until the connection is gone from the server. */
#ifndef FUZZ_NET_H
#define FUZZ_NET_H
#include "fuzz.h"
#include "httpd.h"
#include "httpd_reply.h"
#include "httpd_request.h"
#include "httpd_stream.h"
#include "log.h"
#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NET_PATIENCE_MS = 5000, NET_ANSWER = 1 << 17 };

static struct loop *net_loop;
static struct httpd *net_httpd;
static int net_port;

/* Starts a server on a free loopback port. */
static inline void net_start(httpd_on_request *on_request)
{
    log_init(STDERR_FILENO, LOG_ERROR);
    net_loop = loop_new();
    net_httpd = httpd_new(net_loop, NULL, on_request, NULL);
    net_port = httpd_listen(net_httpd, "127.0.0.1", 0);
    FUZZ_CHECK(net_port > 0);
}
static char net_answer[NET_ANSWER + 1]; /* the answer, as far as it fits; ends with a NUL */
static size_t net_answer_len;

static inline void net_stop(void *arg)
{
    loop_stop(arg);
}

/* Turns the loop once; waits up to `ms` for an event. */
static inline void net_turn(int ms)
{
    struct loop_timer *timer = ms ? loop_timer_new(net_loop, ms, 0, net_stop, net_loop) : NULL;
    if (!timer) loop_defer(net_loop, net_stop, net_loop);
    loop_run(net_loop);
    loop_timer_free(timer);
}

/* From another loopback address each time, so that ports and limits do not run out. */
static inline int net_connect(void)
{
    static uint32_t clients;
    uint32_t client = 0x7f000000 | (2 + clients++ % 0xfffff0);
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(client) },
                       to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)net_port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    FUZZ_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof from) == 0);
    FUZZ_CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS);
    return fd;
}

/* Returns 0 when the server has closed the connection. */
static inline int net_read(int fd)
{
    char rest[4096];
    size_t room = NET_ANSWER - net_answer_len;
    ssize_t got = recv(fd, room ? net_answer + net_answer_len : rest, room ? room : sizeof rest, 0);

    if (got > 0 && room) net_answer[net_answer_len += (size_t)got] = '\0';
    return got != 0 && (got > 0 || errno == EAGAIN);
}

static inline void net_send(int fd, const uint8_t *data, size_t size)
{
    int64_t end = loop_now_ms() + NET_PATIENCE_MS;
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return; /* refused, and closed */
        data += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
        net_turn(0);
        if (!net_read(fd)) return;
        FUZZ_CHECK(loop_now_ms() < end);
    }
}

/* In one piece, in two, or in many, depending on the bytes. */
static inline void net_send_in_pieces(int fd, const uint8_t *data, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + data[i];
    size_t piece = sum % 4 == 0 ? size / 2 + 1 : sum % 4 == 1 ? size / 30 + 1 : size;
    for (size_t at = 0; at < size; at += piece)
        net_send(fd, data + at, size - at < piece ? size - at : piece);
}

/* Waits until each request is answered or is a stream; `wait_ms` at most. */
static inline void net_settle(int fd, int wait_ms)
{
    int64_t end = loop_now_ms() + wait_ms;
    for (int i = 0; i < 3; i++)
        net_turn(0);
    while (net_read(fd) && httpd_pending(net_httpd) > 0 &&
           !strstr(net_answer, "text/event-stream") && loop_now_ms() < end)
        net_turn(1);
}

/* Opens a connection, sends the bytes, reads the answers and closes it. */
static inline void net_feed(const uint8_t *data, size_t size, int wait_ms)
{
    int fd = net_connect();
    int64_t end = loop_now_ms() + NET_PATIENCE_MS;
    net_answer_len = 0;
    net_answer[0] = '\0';
    net_send_in_pieces(fd, data, size);
    net_settle(fd, wait_ms);
    if (size % 3 == 0) /* a reset, not an end */
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
    close(fd);
    while (httpd_connections(net_httpd) > 0 || httpd_pending(net_httpd) > 0) {
        net_turn(0);
        FUZZ_CHECK(loop_now_ms() < end && "nothing is left of a connection that was closed");
    }
}

/* The server serves still. */
static inline void net_check_alive(void)
{
    static const char request[] =
        "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    net_feed((const uint8_t *)request, sizeof request - 1, NET_PATIENCE_MS);
    FUZZ_CHECK(strncmp(net_answer, "HTTP/1.1 200 ", 13) == 0);
}
#endif
