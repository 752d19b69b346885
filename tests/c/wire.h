/* wire: a raw HTTP client for the tests of httpd, sse and www. The server runs on the same thread,
 * so waiting here turns its loop. */
#ifndef WIRE_H
#define WIRE_H
#include "loop.h"
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/socket.h>

enum { WIRE_PATIENCE_MS = 5000 };

static struct loop *wire_loop;
static int wire_late;

static inline void wire_stop(void *arg)
{
    loop_stop(wire_loop);
}

static inline void wire_give_up(void *arg)
{
    wire_late = 1;
    loop_stop(wire_loop);
}

/* Turns the loop for this long. */
static inline void wire_turn(int ms)
{
    struct loop_timer *timer = loop_timer_new(wire_loop, ms, 0, wire_stop, NULL);
    loop_run(wire_loop);
    loop_timer_free(timer);
}

/* Turns the loop until the flag is not 0; returns 0 when that never happens. */
static inline int wire_until(const int *flag)
{
    int64_t end = loop_now_ms() + WIRE_PATIENCE_MS;
    while (!*flag && loop_now_ms() < end)
        wire_turn(2);
    return *flag;
}

static inline void wire_readable(int events, void *arg)
{
    wire_stop(arg);
}

/* Turns the loop until there is something to read (or the end). */
static inline void wire_wait(int fd)
{
    struct loop_watch *watch = loop_watch_io(wire_loop, fd, LOOP_READ, wire_readable, NULL);
    struct loop_timer *timer = loop_timer_new(wire_loop, WIRE_PATIENCE_MS, 0, wire_give_up, NULL);
    wire_late = 0;
    loop_run(wire_loop);
    loop_timer_free(timer);
    loop_watch_free(watch);
    if (wire_late) fail_msg("nothing came in %d ms", WIRE_PATIENCE_MS);
}

static inline int wire_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static inline void wire_dial(int fd, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static inline int wire_connect(int port)
{
    int fd = wire_socket();
    wire_dial(fd, port);
    return fd;
}

static inline void wire_send(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* A connection and what was read of it. */
struct wire {
    int fd;
    char *text;
    size_t len;
};

/* Those of a test are closed together, by wire_close_all(). */
static struct wire wires[64];
static int nwires;

static inline struct wire *wire_add(int fd)
{
    assert_true(nwires < (int)(sizeof wires / sizeof *wires));
    wires[nwires] = (struct wire){ .fd = fd, .text = calloc(1, 1) };
    return &wires[nwires++];
}

static inline struct wire *wire_open(int port)
{
    return wire_add(wire_connect(port));
}

/* Opens one and sends a request. */
static inline struct wire *wire_begin(int port, const char *request)
{
    struct wire *wire = wire_open(port);
    wire_send(wire->fd, request);
    return wire;
}

static inline void wire_close(struct wire *wire)
{
    if (wire->fd >= 0) close(wire->fd);
    wire->fd = -1;
}

static inline void wire_close_all(void)
{
    for (; nwires > 0; nwires--) {
        wire_close(&wires[nwires - 1]);
        free(wires[nwires - 1].text);
    }
}

/* Reads what there is, waiting for at least something. Returns 0 at the end of the connection. */
static inline int wire_more(struct wire *wire)
{
    char piece[65536];
    wire_wait(wire->fd);
    ssize_t got = recv(wire->fd, piece, sizeof piece, 0);
    if (got < 0 && errno == EAGAIN) return 1;
    if (got <= 0) return 0;
    wire->text = realloc(wire->text, wire->len + (size_t)got + 1);
    memcpy(wire->text + wire->len, piece, (size_t)got);
    wire->len += (size_t)got;
    wire->text[wire->len] = 0;
    return 1;
}

/* Reads until this text has come; fails when the connection ends without it. */
static inline void wire_expect(struct wire *wire, const char *text)
{
    while (!memmem(wire->text, wire->len, text, strlen(text)))
        if (!wire_more(wire))
            fail_msg("the connection ended without \"%s\"; it said \"%s\"", text, wire->text);
}

static inline void wire_expect_end(struct wire *wire)
{
    while (wire_more(wire))
        continue;
}

static inline void wire_forget(struct wire *wire)
{
    wire->len = 0;
    wire->text[0] = 0;
}

/* One whole answer, by its Content-Length; what was read before is forgotten. Returns the status;
 * the body is `*body`. */
static inline int wire_answer(struct wire *wire, const char **body)
{
    wire_expect(wire, "\r\n\r\n");
    char *end = strstr(wire->text, "\r\n\r\n") + 4;
    const char *length = strcasestr(wire->text, "\r\nContent-Length: ");
    size_t want = (size_t)(end - wire->text) +
                  (length && length < end ? (size_t)strtoul(length + 18, NULL, 10) : 0);
    while (wire->len < want)
        if (!wire_more(wire)) fail_msg("the answer was cut off");
    if (body) *body = strstr(wire->text, "\r\n\r\n") + 4;
    return atoi(wire->text + 9);
}

/* Sends a request and reads its answer. */
static inline int wire_ask(struct wire *wire, const char *request, const char **body)
{
    wire_forget(wire);
    wire_send(wire->fd, request);
    return wire_answer(wire, body);
}

/* Asks, and compares status and body. */
static inline void wire_gives(struct wire *wire, const char *request, int status, const char *want)
{
    const char *body;
    assert_int_equal(wire_ask(wire, request, &body), status);
    assert_string_equal(body, want);
}
#endif
