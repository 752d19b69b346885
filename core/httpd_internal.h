/* httpd_internal: what the httpd*.c files share, and nobody else includes.
 *
 * evhttp accepts, parses and keeps connections alive; it sees only bytes that the guard lets
 * through. The writing side is ours: an answer goes straight to the socket, what the socket does
 * not take waits in the bufferevent's output, and evhttp is told with evhttp_send_reply_end(),
 * which takes its safe path to the next request. So reading is off while an answer is written, and
 * a flood stays in the kernel.
 *
 *   httpd.c          the server: listening, limits, drain
 *   httpd_conn.c     a connection: how it is attached to evhttp's, its states and deadlines, its
 * end httpd_guard.c    the strict check of what comes in, and how a connection ends that does not
 * pass it httpd_peer.c     who is at the other end, and how often httpd_request.c  a request:
 * refusals, the view of it, "the client has left" httpd_reply.c    the head of an answer, and whole
 * answers httpd_stream.c   answers that come in pieces
 */
#ifndef HTTPD_INTERNAL_H
#define HTTPD_INTERNAL_H
#include "guard.h"
#include "httpd.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <time.h>

/* Each state has a list; every connection is in one. In the timed ones the list's head is the
 * oldest, since all get the same time. */
enum conn_state {
    CONN_NEW,       /* evhttp has not finished accepting it */
    CONN_IDLE,      /* timed: no byte of a request yet */
    CONN_HEAD,      /* timed: the head of a request is coming in */
    CONN_READING,   /* timed: and its body */
    CONN_BUSY,      /* a request waits for its answer, or is a stream */
    CONN_WRITING,   /* timed: the answer is given but not all of it is sent */
    CONN_LINGERING, /* timed: its last answer is sent; what still comes is thrown away */
    CONN_GONE,      /* closed, but its request is not answered yet */
    CONN_STATES
};

struct httpd_request {
    struct evhttp_request *evreq; /* NULL: no request now */
    const char *path, *query;
    int64_t started_us;
    void (*on_gone)(void *arg);
    void *gone_arg;
    char id[17];
    unsigned close : 1;     /* the connection ends with this answer */
    unsigned http11 : 1;    /* else 1.0 */
    unsigned is_head : 1;   /* HEAD */
    unsigned streaming : 1; /* httpd_stream_start() was called */
    unsigned chunked : 1;   /* and its pieces are chunks */
    unsigned cut : 1;       /* and it was cut off: nothing more is sent */
};

struct httpd_conn {
    TAILQ_ENTRY(httpd_conn) next;
    struct httpd *httpd;             /* NULL once the server is freed */
    struct evhttp_connection *evcon; /* NULL before it is attached and once it is closed */
    struct bufferevent *bev;
    bufferevent_data_cb write_cb; /* evhttp's own callbacks */
    bufferevent_event_cb event_cb;
    struct evbuffer_cb_entry *input_cb;
    struct event event; /* to attach; while reading: to refuse; while busy: the client has left;
                           then: to linger */
    int fd;
    int refs; /* evhttp's connection, a request, a deferred call */
    enum conn_state state;
    int counted; /* in httpd->npending */
    int watched; /* `event` watches for the client's leaving */
    int64_t since_ms;
    size_t unsent;  /* while writing: what was unsent when last looked at */
    uint32_t begun; /* requests that evhttp has seen; the guard knows how many there were */
    struct in6_addr peer;
    LIST_ENTRY(httpd_conn) neighbour; /* by peer */
    struct httpd_request request;
    struct guard guard;
};
TAILQ_HEAD(httpd_conns, httpd_conn);
LIST_HEAD(httpd_neighbours, httpd_conn);

enum { HTTPD_LISTENERS = 8, HTTPD_HEAD_BYTES = 16384, HTTPD_PEER_BUCKETS = 1024 };

struct httpd {
    struct httpd *next;
    struct loop *loop;
    struct evhttp *evhttp;
    struct httpd_limits limits;
    struct guard_limits guard_limits;
    httpd_on_request *on_request;
    void *arg;
    struct httpd_conns conns[CONN_STATES];
    struct httpd_neighbours by_peer[HTTPD_PEER_BUCKETS];
    struct httpd_conn **by_fd;
    int by_fd_room;
    int nconnections, npending;
    int draining, full,
        starved; /* full: at the cap; starved: no descriptors. Either stops accepting */
    struct evhttp_bound_socket *listeners[HTTPD_LISTENERS];
    int nlisteners;
    struct event starved_event, sweep_event;
    time_t date_second;
    char date[48];
    char head[HTTPD_HEAD_BYTES];
};

/* httpd.c */
/* Accepts, or not, after `full`, `starved` or `draining` changed. */
void httpd_accept_update(struct httpd *httpd);

/* httpd_conn.c */
/* evhttp's bufferevent factory: where each accepted socket is first seen. */
struct bufferevent *httpd_conn_new(struct event_base *base, void *httpd);
/* Finishes what the accepting of a connection began; only httpd_free() calls it by hand. */
void httpd_conn_attach(struct httpd_conn *conn);
struct httpd_conn *httpd_conn_of(struct httpd *httpd, struct evhttp_request *evreq);
void httpd_conn_set_state(struct httpd_conn *conn, enum conn_state state);
/* Closes by evhttp's safe path; a request that is held stays valid until it is answered. */
void httpd_conn_close(struct httpd_conn *conn);
void httpd_conn_ref(struct httpd_conn *conn);
void httpd_conn_unref(struct httpd_conn *conn);
/* The request or its answer is over: it counts no more as pending. */
void httpd_conn_uncount(struct httpd_conn *conn);
/* Sends now what the socket takes, and the rest as it can. Returns 0; -1 when the connection is
 * broken. Changes iov. */
int httpd_conn_send(struct httpd_conn *conn, struct iovec *iov, int niov);
size_t httpd_conn_unsent(const struct httpd_conn *conn);
/* Closes what is past its deadline. */
void httpd_conn_sweep(struct httpd *httpd);

/* httpd_guard.c */
/* The callback of a connection's input: shows new bytes to the guard before evhttp sees them.
 * Nothing may be closed from in there. */
void httpd_guard_on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *conn);
/* evhttp waits for a request on this connection: which state is that? Also refuses what the guard
 * has refused, soon. */
void httpd_guard_wait(struct httpd_conn *conn);
/* Ends a connection whose last answer is sent: as soon as the client has seen that. */
void httpd_guard_end(struct httpd_conn *conn);
/* Answers a connection on which no whole request has come, reads on until the client has seen that,
 * and closes. */
void httpd_conn_refuse(struct httpd_conn *conn, int status, const char *code, const char *detail);

/* httpd_peer.c */
/* Notes who is at the other end. Returns 0, or -1 when there are too many connections from there.
 */
int httpd_peer_arrive(struct httpd_conn *conn);
void httpd_peer_leave(struct httpd_conn *conn);
const char *httpd_peer_text(const struct httpd_conn *conn, char text[INET6_ADDRSTRLEN]);

/* httpd_request.c */
/* Makes it a new one, with an id, of which nothing else is known. */
void httpd_request_clear(struct httpd_request *request);
/* evhttp has a whole request. */
void httpd_request_begin(struct evhttp_request *evreq, void *httpd);
/* Stops watching for the client's leaving. */
void httpd_conn_unwatch(struct httpd_conn *conn);
/* The client has left: says so once. The request may be dead afterwards. */
void httpd_request_gone(struct httpd_request *request);
/* Called first by each way of answering: what watched for the client's leaving stops. Returns 1
 * when there is still a connection. */
int httpd_request_answer(struct httpd_request *request);
/* All that there is to send was given to httpd_conn_send(): hands the connection back to evhttp.
 * The request is dead. */
void httpd_request_end(struct httpd_request *request);
struct httpd_conn *httpd_request_conn(const struct httpd_request *request);

/* httpd_reply.c */
/* Writes the head of an answer into httpd->head; returns its length. `length` is what
 * Content-Length says; -1: none. */
size_t httpd_head(struct httpd_request *request, int status, const struct httpd_field *fields,
                  int64_t length);
/* The fields of a problem document that ends the connection. */
const struct httpd_field *httpd_problem_fields(int status);
/* An answer of httpd's own: a problem document, and the connection ends. */
void httpd_refuse(struct httpd_request *request, int status, const char *code, const char *detail);
#endif
