/* httpd_conn: one client connection of httpd: what comes in passes the guard, what goes out goes to
 * the socket at once where that is possible, and its end never loses an answer.
 *
 * evhttp accepts, parses and keeps the connection alive; it sees only bytes that the guard let
 * through. Answers are written here; evhttp_send_reply_end() then makes
 * evhttp wait for the next request. Reading is off while an answer is written, so a flood stays
 * in the kernel.
 *
 * For the httpd_*.c files alone. On the loop's thread. */
#ifndef HTTPD_CONN_H
#define HTTPD_CONN_H
#include "guard.h"
#include "httpd_limits.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/uio.h>

struct httpd_request;
struct loop;

/* Each state has a list, and every connection is in one. In the timed ones the first is the oldest,
 * since all get the same time. */
enum httpd_conn_state {
    CONN_NEW,       /* evhttp has not finished accepting it */
    CONN_IDLE,      /* timed: no byte of a request yet */
    CONN_HEAD,      /* timed: the head of a request is coming in */
    CONN_READING,   /* timed: and its body */
    CONN_BUSY,      /* a request waits for its answer, or is a stream */
    CONN_WRITING,   /* timed: the answer is given but not all of it is sent */
    CONN_LINGERING, /* timed: its last answer is sent; what still comes is discarded */
    CONN_CLOSED,    /* but its request is not answered yet */
    CONN_STATES
};

struct httpd_conn {
    TAILQ_ENTRY(httpd_conn) next;
    struct httpd_conns *conns;       /* NULL once the server is freed */
    struct evhttp_connection *evcon; /* NULL before it is attached and once it is closed */
    struct bufferevent *bev;
    bufferevent_data_cb write_cb; /* evhttp's own callbacks */
    bufferevent_event_cb event_cb;
    struct evbuffer_cb_entry *input_cb;
    struct event event; /* to attach; while reading: to refuse; while busy: the client closed; then:
                           to linger */
    int fd;
    int refs; /* evhttp's connection, a request, a deferred call */
    enum httpd_conn_state state;
    unsigned is_pending : 1; /* counted in conns->npending */
    unsigned is_watched : 1; /* `event` waits for the client to close */
    int64_t since_ms;        /* in this state */
    int64_t answered_ms;     /* while writing: since then */
    size_t unsent;           /* while writing: what was unsent when last looked at */
    struct guard guard;
    struct httpd_request *request; /* not answered yet, or NULL */
    struct in6_addr peer;
    char peer_text[INET6_ADDRSTRLEN]; /* IPv4 as such, never as ::ffff:a.b.c.d */
    LIST_ENTRY(httpd_conn) neighbour; /* by peer */
};
TAILQ_HEAD(httpd_conn_list, httpd_conn);
LIST_HEAD(httpd_neighbours, httpd_conn);

enum { HTTPD_PEER_BUCKETS = 1024, HTTPD_PROXIES = 64 };

/* All connections of a server. */
struct httpd_conns {
    struct loop *loop;
    struct httpd_limits limits;
    struct guard_limits guard_limits;
    struct httpd_conn_list lists[CONN_STATES];
    struct httpd_neighbours by_peer[HTTPD_PEER_BUCKETS];
    struct httpd_conn **by_fd; /* evhttp gives a request's descriptor, but no pointer of ours */
    int by_fd_room;
    struct in6_addr proxies[HTTPD_PROXIES]; /* not held to max_connections_each */
    int nproxies;                           /* ever added; the newest are kept */
    int count;                              /* connections open */
    int npending;                           /* requests and streams that have not ended */
    int is_full;                            /* at the cap: nothing is accepted */
    int is_draining;                        /* answers end their connection */
    struct bytes too_large_page;            /* for browsers; may be empty */
    struct event sweep_event;
    /* Given at creation. A client closed before its request was answered; is_full changed. */
    void (*on_client_closed)(struct httpd_request *request);
    void (*on_full_change)(void *arg);
    void *arg;
    int (*takes_long_body)(const char *method, const char *path, void *arg); /* NULL: no request */
    void *long_body_arg;
};

void httpd_conn_ref(struct httpd_conn *conn);
void httpd_conn_unref(struct httpd_conn *conn);
void httpd_conn_set_state(struct httpd_conn *conn, enum httpd_conn_state state);
/* Counts the connection's request among the pending ones, or no more. */
void httpd_conn_set_pending(struct httpd_conn *conn, int is_pending);

/* The callback of a connection's input: shows new bytes to the guard before evhttp sees them.
 * Nothing may be closed from in there. */
void httpd_conn_on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *conn);
/* Call when evhttp waits for a request: sets the state, and soon answers what the guard refused. */
void httpd_conn_wait(struct httpd_conn *conn);

/* Sends now what the socket takes, and the rest as it can. Changes iov. Returns 0; -1 when the
 * connection is broken. */
int httpd_conn_send(struct httpd_conn *conn, struct iovec *iov, int niov);
size_t httpd_conn_unsent(const struct httpd_conn *conn);

/* A bufferevent_data_cb that discards what comes in. */
void httpd_conn_discard(struct bufferevent *bev, void *evcon);
/* Answers a connection on which no whole request has come with a problem document, reads on until
 * the client has seen that, and closes. */
void httpd_conn_refuse(struct httpd_conn *conn, struct guard_refusal refusal);
/* Ends a connection whose last answer is sent, as soon as the client has seen that. */
void httpd_conn_end(struct httpd_conn *conn);
/* Closes by evhttp's safe path; a request that is held stays valid until it is answered. */
void httpd_conn_close(struct httpd_conn *conn);

/* Calls conns->on_client_closed once when the client closes or resets while a request waits. */
void httpd_conn_watch(struct httpd_conn *conn);
void httpd_conn_unwatch(struct httpd_conn *conn);

/* --- httpd_conns.c: the connections as a set: who is let in, who makes room at the cap, and who is
 * closed at a deadline --- */

/* Fills in all but the callbacks. Cuts max_connections to what the descriptor limit allows. */
void httpd_conns_init(struct httpd_conns *conns, struct loop *loop,
                      const struct httpd_limits *limits);
/* Closes the connections that have a request to answer, by a path that keeps those valid. */
void httpd_conns_close_busy(struct httpd_conns *conns);
/* After evhttp was freed: releases the rest. */
void httpd_conns_fini(struct httpd_conns *conns);
/* evhttp's bufferevent factory: where each accepted socket is first seen. */
struct bufferevent *httpd_conns_accept(struct event_base *base, void *conns);
/* httpd_exempt() */
void httpd_conns_exempt(struct httpd_conns *conns, const char *peer);
/* httpd_take_long_bodies() */
void httpd_conns_take_long_bodies(struct httpd_conns *conns, int64_t max_bytes);
/* Idle connections close soon, answers end their connection. */
void httpd_conns_drain(struct httpd_conns *conns);
#endif
