#include "httpd_conn.h"
#include "clock.h"
#include "hash.h"
#include "httpd_refusals.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
    FDS_RESERVED = 64,       /* kept back for curl, SQLite and files */
    TARGET_BYTES_MAX = 8192, /* of a request's target */
    CHUNK_LINE_BYTES = 4096, /* the line of a chunk's size, and some */
    LONG_BODIES_MAX = 8,     /* coming in at a time */
    EVICT_AFTER_MS =
        1000,         /* at the cap: idle, sending a request or reading an answer for this long */
    EVICT_MAX = 64,   /* in one sweep */
    LINGER_MS = 2000, /* for the client to see the last answer */
    DRAIN_IDLE_MS = 250, /* while draining: a client in full swing still gets its "close" */
    SWEEP_MIN_MS = 10,
    SWEEP_MAX_MS = 1000
};

/* --- how many come from where --- */

/* IPv4 is kept as ::ffff:a.b.c.d. */
static struct in6_addr peer_of(int fd)
{
    struct sockaddr_storage from = { 0 };
    socklen_t len = sizeof from;
    struct in6_addr peer = IN6ADDR_ANY_INIT;
    getpeername(fd, (struct sockaddr *)&from, &len);
    if (from.ss_family == AF_INET6) peer = ((struct sockaddr_in6 *)&from)->sin6_addr;
    if (from.ss_family == AF_INET) {
        peer.s6_addr[10] = peer.s6_addr[11] = 0xff;
        memcpy(peer.s6_addr + 12, &((struct sockaddr_in *)&from)->sin_addr, 4);
    }
    return peer;
}

static int is_loopback(const struct in6_addr *peer)
{
    return IN6_IS_ADDR_LOOPBACK(peer) || (IN6_IS_ADDR_V4MAPPED(peer) && peer->s6_addr[12] == 127);
}

static int is_proxy(const struct httpd_conns *conns, const struct in6_addr *peer)
{
    for (int i = 0; i < HTTPD_PROXIES; i++)
        if (IN6_ARE_ADDR_EQUAL(&conns->proxies[i], peer)) return 1;
    return 0;
}

void httpd_conns_exempt(struct httpd_conns *conns, const char *peer)
{
    struct in6_addr address;
    char mapped[INET6_ADDRSTRLEN + 8];
    snprintf(mapped, sizeof mapped, "%s%s", strchr(peer, ':') ? "" : "::ffff:", peer);
    if (inet_pton(AF_INET6, mapped, &address) != 1 || is_proxy(conns, &address)) return;
    conns->proxies[conns->nproxies++ % HTTPD_PROXIES] = address;
}

/* Notes who is at the other end. Returns 0; -1 when there are too many connections from there. */
static int add_peer(struct httpd_conn *conn)
{
    int max = conn->conns->limits.max_connections_each, count = 0;
    struct httpd_conn *other;
    conn->peer = peer_of(conn->fd);
    int is_ipv4 = IN6_IS_ADDR_V4MAPPED(&conn->peer);
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6, conn->peer.s6_addr + (is_ipv4 ? 12 : 0),
              conn->peer_text, sizeof conn->peer_text);
    size_t len = httpd_peer_bytes(&conn->peer);
    struct httpd_neighbours *bucket =
        &conn->conns->by_peer[hash_bytes(&conn->peer, len) % HTTPD_PEER_BUCKETS];
    LIST_INSERT_HEAD(bucket, conn, neighbour);
    if (max <= 0 || is_loopback(&conn->peer) || is_proxy(conn->conns, &conn->peer)) return 0;
    LIST_FOREACH(other, bucket, neighbour)
    if (memcmp(&other->peer, &conn->peer, len) == 0) count++;
    return count > max ? -1 : 0;
}

/* --- a connection's beginning and end --- */

static void remember(struct httpd_conn *conn)
{
    struct httpd_conns *conns = conn->conns;
    if (conn->fd >= conns->by_fd_room) {
        int room = conn->fd * 2 + 64;
        conns->by_fd = mem_grow(conns->by_fd, (size_t)room, sizeof *conns->by_fd);
        conns->by_fd_room = room;
    }
    conns->by_fd[conn->fd] = conn;
}

static void set_full(struct httpd_conns *conns, int is_full)
{
    if (conns->is_full == is_full) return;
    conns->is_full = is_full;
    conns->on_full_change(conns->arg);
}

/* evhttp is closing the connection, and has let go of a request that waits for its answer. */
static void on_close(struct evhttp_connection *evcon, void *arg)
{
    struct httpd_conn *conn = arg;
    httpd_conn_unwatch(conn);
    event_del(&conn->event);
    evbuffer_remove_cb_entry(bufferevent_get_input(conn->bev), conn->input_cb);
    conn->evcon = NULL;
    conn->bev = NULL;
    LIST_REMOVE(conn, neighbour);
    httpd_conn_set_state(conn, CONN_CLOSED);
    conn->conns->count--;
    set_full(conn->conns, 0);
    if (conn->request)
        conn->conns->on_client_closed(conn->request);
    else
        httpd_conn_set_pending(conn, 0);
    httpd_conn_unref(conn);
}

/* Answers 503 and closes at once: lingering would be one connection more. */
static void turn_away(struct httpd_conn *conn, const char *why)
{
    httpd_conn_ref(conn);
    httpd_conn_refuse(conn, (struct guard_refusal){ 503, "too_many_connections", why });
    if (conn->evcon) httpd_conn_close(conn);
    httpd_conn_unref(conn);
}

static void sweep_in(struct httpd_conns *conns, int ms)
{
    struct timeval delay = { ms / 1000, ms % 1000 * 1000 };
    event_add(&conns->sweep_event, &delay);
}

static void attach(struct httpd_conn *conn, struct evhttp_connection *evcon)
{
    struct httpd_conns *conns = conn->conns;
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    int64_t body_bytes = conns->limits.max_body_bytes;
    if (body_bytes < conns->guard_limits.long_body_bytes)
        body_bytes = conns->guard_limits.long_body_bytes;
    size_t request_bytes = (size_t)(conns->limits.max_header_bytes + body_bytes);
    conn->evcon = evcon;
    conn->fd = bufferevent_getfd(conn->bev);
    remember(conn);
    evhttp_connection_set_closecb(evcon, on_close, conn);
    bufferevent_setwatermark(conn->bev, EV_READ, 0, request_bytes + CHUNK_LINE_BYTES);
    conn->input_cb = evbuffer_add_cb(input, httpd_conn_on_input, conn);
    guard_init(&conn->guard, &conns->guard_limits);
    httpd_conn_set_state(conn, CONN_IDLE);
    if (!event_pending(&conns->sweep_event, EV_TIMEOUT, NULL)) sweep_in(conns, SWEEP_MIN_MS);
    if (add_peer(conn) != 0) turn_away(conn, "Too many connections are open from this address.");
}

/* The factory runs before evhttp has made its connection; this one-shot event runs after that, and
 * before the socket can close. */
static void on_attach(evutil_socket_t fd, short what, void *arg)
{
    struct httpd_conn *conn = arg;
    struct bufferevent *bev = conn->bev;
    void *evcon;
    event_del(&conn->event);
    bufferevent_getcb(bev, NULL, &conn->write_cb, &conn->event_cb, &evcon);
    if (conn->event_cb) {
        attach(conn, evcon);
    } else { /* evhttp gave up */
        conn->conns->count--;
        httpd_conn_unref(conn);
    }
    bufferevent_decref(bev);
}

/* --- the cap --- */

static int is_evictable(const struct httpd_conn *conn)
{
    return conn && clock_real_ms() - conn->since_ms >= EVICT_AFTER_MS;
}

/* The connection whose request has been arriving for longest. */
static struct httpd_conn *slowest(struct httpd_conns *conns)
{
    struct httpd_conn *head = TAILQ_FIRST(&conns->lists[CONN_HEAD]);
    struct httpd_conn *body = TAILQ_FIRST(&conns->lists[CONN_READING]);
    return !head || (body && body->since_ms < head->since_ms) ? body : head;
}

/* The connection whose answer has been on its way for longest. */
static struct httpd_conn *slowest_reader(struct httpd_conns *conns)
{
    struct httpd_conn *conn, *slowest = NULL;
    TAILQ_FOREACH(conn, &conns->lists[CONN_WRITING], next)
    if (!slowest || conn->answered_ms < slowest->answered_ms) slowest = conn;
    return slowest;
}

/* Closes a lingering connection, or the one that has been idle longest, or the slowest sender, or
 * the slowest reader: thousands of those must not keep others out until their own time is over.
 * Returns 0 when none has been there for long. */
static int evict(struct httpd_conns *conns)
{
    struct httpd_conn *lingering = TAILQ_FIRST(&conns->lists[CONN_LINGERING]);
    struct httpd_conn *idle = TAILQ_FIRST(&conns->lists[CONN_IDLE]);
    if (lingering || is_evictable(idle)) {
        httpd_conn_close(lingering ? lingering : idle);
        return 1;
    }
    struct httpd_conn *slow = slowest(conns);
    if (is_evictable(slow)) {
        turn_away(slow, "Too many connections are open, and this request took too long to arrive.");
        return 1;
    }
    struct httpd_conn *reader = slowest_reader(conns);
    if (!reader || clock_real_ms() - reader->answered_ms < EVICT_AFTER_MS) return 0;
    httpd_conn_close(reader);
    return 1;
}

/* When nothing can be evicted at the cap, nothing is accepted until a connection closes. */
static void make_room(struct httpd_conns *conns)
{
    if (conns->count < conns->limits.max_connections || evict(conns)) return;
    log_line(LOG_WARN, "httpd.full", "%d connections are open, the most allowed; new ones wait",
             conns->count);
    set_full(conns, 1);
}

struct bufferevent *httpd_conns_accept(struct event_base *base, void *arg)
{
    struct httpd_conns *conns = arg;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
    if (!bev) return NULL;
    struct httpd_conn *conn = mem_new(1, sizeof *conn);
    conn->conns = conns;
    conn->bev = bev;
    conn->refs = 1;
    TAILQ_INSERT_TAIL(&conns->lists[CONN_NEW], conn, next);
    conns->count++;
    bufferevent_incref(bev);
    event_assign(&conn->event, base, -1, 0, on_attach, conn);
    event_active(&conn->event, EV_TIMEOUT, 0);
    make_room(conns);
    return bev;
}

/* --- deadlines --- */

/* A reader that is slow but reads gets more time, up to answer_timeout_ms. */
static int has_moved(struct httpd_conn *conn)
{
    size_t unsent = conn->state == CONN_WRITING ? httpd_conn_unsent(conn) : conn->unsent;
    if (unsent == conn->unsent) return 0;
    conn->unsent = unsent;
    return 1;
}

static void sweep_list(struct httpd_conns *conns, enum httpd_conn_state state, int64_t timeout_ms)
{
    static const struct guard_refusal too_slow = { 408, "request_timeout",
                                                   "The request took too long to arrive." };
    int64_t now = clock_real_ms();
    struct httpd_conn *conn;
    while ((conn = TAILQ_FIRST(&conns->lists[state])) && now - conn->since_ms >= timeout_ms) {
        if (has_moved(conn))
            httpd_conn_set_state(conn, state);
        else if (state == CONN_HEAD || state == CONN_READING)
            httpd_conn_refuse(conn, too_slow);
        else
            httpd_conn_close(conn);
    }
}

/* Their list is not in the order of their answers. */
static void sweep_readers(struct httpd_conns *conns)
{
    struct httpd_conn *reader;
    while ((reader = slowest_reader(conns)) &&
           clock_real_ms() - reader->answered_ms >= conns->limits.answer_timeout_ms)
        httpd_conn_close(reader);
}

static void sweep(struct httpd_conns *conns)
{
    for (int i = 0; conns->is_full && i < EVICT_MAX && evict(conns); i++)
        continue;
    sweep_list(conns, CONN_IDLE, conns->limits.idle_timeout_ms);
    sweep_list(conns, CONN_HEAD, conns->limits.head_timeout_ms);
    sweep_list(conns, CONN_READING, conns->limits.request_timeout_ms);
    sweep_list(conns, CONN_WRITING, conns->limits.idle_timeout_ms);
    sweep_readers(conns);
    sweep_list(conns, CONN_LINGERING, LINGER_MS);
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Four times within the shortest deadline, so that none is exceeded by more than a quarter. */
static int sweep_interval_ms(const struct httpd_limits *limits)
{
    int shortest_ms = min_int(limits->idle_timeout_ms,
                              min_int(limits->head_timeout_ms, limits->request_timeout_ms));
    int ms = min_int(shortest_ms / 4, SWEEP_MAX_MS);
    return ms > SWEEP_MIN_MS ? ms : SWEEP_MIN_MS;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct httpd_conns *conns = arg;
    sweep(conns);
    if (httpd_refusals_report(clock_real_ms()) || conns->count > 0)
        sweep_in(conns, sweep_interval_ms(&conns->limits));
}

/* --- the set --- */

/* A connection takes a descriptor, and some must be left for the rest of the process. */
static int connection_cap(int wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
    int64_t most = (int64_t)limit.rlim_cur - FDS_RESERVED;
    if (most < 1) most = 1;
    return wanted < most ? wanted : (int)most;
}

void httpd_conns_init(struct httpd_conns *conns, struct loop *loop,
                      const struct httpd_limits *limits)
{
    conns->loop = loop;
    conns->limits = *limits;
    conns->limits.max_connections = connection_cap(limits->max_connections);
    conns->guard_limits = (struct guard_limits){
        .head_bytes = (uint32_t)limits->max_header_bytes,
        .target_bytes = (uint32_t)min_int((int)limits->max_header_bytes / 2, TARGET_BYTES_MAX),
        .fields = (uint32_t)limits->max_header_fields,
        .body_bytes = limits->max_body_bytes,
    };
    for (int i = 0; i < CONN_STATES; i++)
        TAILQ_INIT(&conns->lists[i]);
    evtimer_assign(&conns->sweep_event, loop_base(loop), on_sweep, conns);
}

static int count_long_bodies(const struct httpd_conns *conns)
{
    const struct httpd_conn *conn;
    int count = 0;
    TAILQ_FOREACH(conn, &conns->lists[CONN_READING], next) count += conn->guard.now.is_long;
    return count;
}

/* Anyone can send one, so there are few at a time. */
static int takes_long_body(const struct guard_request *request, void *arg)
{
    const struct httpd_conns *conns = arg;
    return conns->takes_long_body(request->method, guard_request_text(request, request->path),
                                  conns->long_body_arg) &&
           count_long_bodies(conns) < LONG_BODIES_MAX;
}

void httpd_conns_take_long_bodies(struct httpd_conns *conns, int64_t max_bytes)
{
    conns->guard_limits.takes_long_body = takes_long_body;
    conns->guard_limits.arg = conns;
    conns->guard_limits.long_body_bytes = max_bytes;
}

void httpd_conns_drain(struct httpd_conns *conns)
{
    conns->is_draining = 1;
    conns->limits.idle_timeout_ms = min_int(conns->limits.idle_timeout_ms, DRAIN_IDLE_MS);
    sweep(conns);
    sweep_in(conns, sweep_interval_ms(&conns->limits));
}

void httpd_conns_close_busy(struct httpd_conns *conns)
{
    struct httpd_conn *conn;
    while ((conn = TAILQ_FIRST(&conns->lists[CONN_NEW])))
        on_attach(-1, 0, conn);
    while ((conn = TAILQ_FIRST(&conns->lists[CONN_BUSY])))
        httpd_conn_close(conn);
}

void httpd_conns_fini(struct httpd_conns *conns)
{
    struct httpd_conn *conn;
    TAILQ_FOREACH(conn, &conns->lists[CONN_CLOSED], next)
    conn->conns = NULL;
    event_del(&conns->sweep_event);
    free(conns->by_fd);
    bytes_free(&conns->too_large_page);
}
