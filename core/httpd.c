#include "httpd_internal.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
    BACKLOG = 1024,
    STARVED_MS = 100,   /* out of descriptors: how long nothing is accepted */
    RESERVED_FDS = 64,  /* kept back for curl, SQLite and files */
    MOST_TARGET = 8192, /* bytes of a target */
    DRAIN_IDLE_MS = 250 /* an idle connection's time while draining: a client in full swing still
                           gets its "close" */
};

const struct httpd_limits httpd_default_limits = {
    .max_header_bytes = 16384,
    .max_body_bytes = 65536,
    .max_header_fields = 100,
    .max_connections = 4096,
    .max_connections_each = 1024,
    .idle_timeout_ms = 60000,
    .head_timeout_ms = 10000,
    .request_timeout_ms = 30000,
    .max_stream_backlog = 262144,
};

/* libevent hands a listener's error callback evhttp's pointer, not ours. */
static struct httpd *servers;

static struct httpd *server_of(const struct evhttp *evhttp)
{
    struct httpd *httpd = servers;
    while (httpd && httpd->evhttp != evhttp)
        httpd = httpd->next;
    return httpd;
}

/* ---- accepting ---- */

void httpd_accept_update(struct httpd *httpd)
{
    int accept = !httpd->full && !httpd->starved;
    for (int i = 0; i < httpd->nlisteners; i++) {
        struct evconnlistener *listener = evhttp_bound_socket_get_listener(httpd->listeners[i]);
        if (accept)
            evconnlistener_enable(listener);
        else
            evconnlistener_disable(listener);
    }
}

static void on_fed(evutil_socket_t fd, short what, void *arg)
{
    struct httpd *httpd = arg;
    (void)fd, (void)what;
    httpd->starved = 0;
    httpd_accept_update(httpd);
}

/* Without the pause the listener would stay readable and the loop would spin. */
static void on_accept_error(struct evconnlistener *listener, void *evhttp)
{
    struct timeval pause = { 0, STARVED_MS * 1000 };
    struct httpd *httpd = server_of(evhttp);
    (void)listener;
    log_line(LOG_WARN, "httpd.accept", "cannot accept a connection (%s); trying again in %d ms",
             strerror(errno), STARVED_MS);
    if (!httpd) return;
    httpd->starved = 1;
    httpd_accept_update(httpd);
    event_add(&httpd->starved_event, &pause);
}

/* A connection takes a descriptor, and some must be left for the rest of the process. */
static int connection_cap(int wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
    int64_t most = (int64_t)limit.rlim_cur - RESERVED_FDS;
    if (most < 1) most = 1;
    return wanted < most ? wanted : (int)most;
}

static struct evconnlistener *listener_new(struct httpd *httpd, const struct addrinfo *address)
{
    int on = 1;
    unsigned flags = LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE;
    struct evconnlistener *listener =
        evconnlistener_new_bind(loop_base(httpd->loop), NULL, NULL, flags, BACKLOG,
                                address->ai_addr, (int)address->ai_addrlen);
    if (!listener) return NULL;
    /* accepted sockets inherit it */
    setsockopt(evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    evconnlistener_set_error_cb(listener, on_accept_error);
    return listener;
}

static int bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) return -1;
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

int httpd_listen(struct httpd *httpd, const char *host, int port)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *address;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    if (httpd->nlisteners == HTTPD_LISTENERS || port < 0 || port > 65535 ||
        getaddrinfo(host, service, &hints, &address) != 0) {
        errno = httpd->nlisteners == HTTPD_LISTENERS ? ENOBUFS : EADDRNOTAVAIL;
        return -1;
    }
    struct evconnlistener *listener = listener_new(httpd, address);
    int reason = errno;
    freeaddrinfo(address);
    errno = reason;
    if (!listener) return -1;
    httpd->listeners[httpd->nlisteners++] = evhttp_bind_listener(httpd->evhttp, listener);
    httpd_accept_update(httpd);
    return bound_port(evconnlistener_get_fd(listener));
}

/* ---- the sweep ---- */

static void sweep_arm(struct httpd *httpd)
{
    const struct httpd_limits *limits = &httpd->limits;
    int ms = limits->idle_timeout_ms < limits->request_timeout_ms ? limits->idle_timeout_ms
                                                                  : limits->request_timeout_ms;
    if (limits->head_timeout_ms < ms) ms = limits->head_timeout_ms;
    ms = ms / 4 < 10 ? 10 : ms / 4 > 1000 ? 1000 : ms / 4;
    struct timeval delay = { ms / 1000, ms % 1000 * 1000 };
    event_add(&httpd->sweep_event, &delay);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct httpd *httpd = arg;
    (void)fd, (void)what;
    httpd_conn_sweep(httpd);
    if (httpd->nconnections > 0) sweep_arm(httpd);
}

/* ---- the server ---- */

static void configure(struct httpd *httpd)
{
    struct evhttp *evhttp = httpd->evhttp;
    const struct httpd_limits *limits = &httpd->limits;
    httpd->guard_limits = (struct guard_limits){
        .head_bytes = (uint32_t)limits->max_header_bytes,
        .target_bytes = limits->max_header_bytes / 2 < MOST_TARGET
                            ? (uint32_t)limits->max_header_bytes / 2
                            : MOST_TARGET,
        .fields = (uint32_t)limits->max_header_fields,
        .body_bytes = limits->max_body_bytes,
    };
    evhttp_set_max_headers_size(evhttp, limits->max_header_bytes);
    evhttp_set_max_body_size(evhttp, limits->max_body_bytes);
    evhttp_set_default_content_type(evhttp, NULL);
    /* all that the guard lets through, so that the caller can answer 405 */
    evhttp_set_allowed_methods(evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                           EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                                           EVHTTP_REQ_PATCH);
    evhttp_set_bevcb(evhttp, httpd_conn_new, httpd);
    evhttp_set_gencb(evhttp, httpd_request_begin, httpd);
}

struct httpd *httpd_new(struct loop *loop, const struct httpd_limits *limits,
                        httpd_on_request *on_request, void *arg)
{
    struct evhttp *evhttp = evhttp_new(loop_base(loop));
    if (!evhttp) return NULL;
    struct httpd *httpd = mem_new(1, sizeof *httpd);
    httpd->loop = loop;
    httpd->evhttp = evhttp;
    httpd->limits = limits ? *limits : httpd_default_limits;
    httpd->limits.max_connections = connection_cap(httpd->limits.max_connections);
    httpd->on_request = on_request;
    httpd->arg = arg;
    for (int i = 0; i < CONN_STATES; i++)
        TAILQ_INIT(&httpd->conns[i]);
    evtimer_assign(&httpd->starved_event, loop_base(loop), on_fed, httpd);
    evtimer_assign(&httpd->sweep_event, loop_base(loop), on_sweep, httpd);
    configure(httpd);
    httpd->next = servers;
    servers = httpd;
    return httpd;
}

void httpd_drain(struct httpd *httpd)
{
    httpd->draining = 1;
    for (int i = 0; i < httpd->nlisteners; i++)
        evhttp_del_accept_socket(httpd->evhttp, httpd->listeners[i]);
    httpd->nlisteners = 0;
    if (httpd->limits.idle_timeout_ms > DRAIN_IDLE_MS)
        httpd->limits.idle_timeout_ms = DRAIN_IDLE_MS;
    httpd_conn_sweep(httpd);
    sweep_arm(httpd);
}

int httpd_connections(const struct httpd *httpd)
{
    return httpd->nconnections;
}

int httpd_pending(const struct httpd *httpd)
{
    return httpd->npending;
}

static void forget_server(struct httpd *httpd)
{
    struct httpd **at = &servers;
    while (*at != httpd)
        at = &(*at)->next;
    *at = httpd->next;
}

/* evhttp_free() would free the requests that callers still hold, so those connections are closed
 * first, by the path that leaves them alone.
 */
static void close_all(struct httpd *httpd)
{
    struct httpd_conn *conn;
    while ((conn = TAILQ_FIRST(&httpd->conns[CONN_NEW])))
        httpd_conn_attach(conn);
    while ((conn = TAILQ_FIRST(&httpd->conns[CONN_BUSY])))
        httpd_conn_close(conn);
    evhttp_free(httpd->evhttp);
    TAILQ_FOREACH(conn, &httpd->conns[CONN_GONE], next) conn->httpd = NULL;
}

void httpd_free(struct httpd *httpd)
{
    if (!httpd) return;
    httpd_drain(httpd);
    close_all(httpd);
    event_del(&httpd->starved_event);
    event_del(&httpd->sweep_event);
    forget_server(httpd);
    free(httpd->by_fd);
    free(httpd);
}
