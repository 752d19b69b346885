#include "httpd.h"
#include "httpd_refusals.h"
#include "httpd_reply.h"
#include "httpd_request.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum {
    BACKLOG = 1024,
    LISTENERS_MAX = 8,
    STARVED_MS = 100 /* without descriptors nothing is accepted for this long */
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
    .answer_timeout_ms = 300000,
    .max_stream_backlog = 262144,
};

struct httpd {
    struct httpd *next;
    struct loop *loop;
    struct evhttp *evhttp;
    httpd_on_request *on_request;
    void *arg;
    struct httpd_conns conns;
    struct evhttp_bound_socket *listeners[LISTENERS_MAX];
    int nlisteners;
    int is_starved; /* of descriptors: stops accepting, as conns.is_full does */
    struct event starved_event;
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

/* --- accepting --- */

static void update_listeners(void *arg)
{
    struct httpd *httpd = arg;
    for (int i = 0; i < httpd->nlisteners; i++) {
        struct evconnlistener *listener = evhttp_bound_socket_get_listener(httpd->listeners[i]);
        if (httpd->conns.is_full || httpd->is_starved)
            evconnlistener_disable(listener);
        else
            evconnlistener_enable(listener);
    }
}

static void on_starved_end(evutil_socket_t fd, short what, void *arg)
{
    struct httpd *httpd = arg;
    httpd->is_starved = 0;
    update_listeners(httpd);
}

/* Without the pause the listener would stay readable and the loop would spin. */
static void on_accept_error(struct evconnlistener *listener, void *evhttp)
{
    struct timeval pause = { 0, STARVED_MS * 1000 };
    struct httpd *httpd = server_of(evhttp);
    log_line(LOG_WARN, "httpd.accept", "cannot accept a connection (%s); trying again in %d ms",
             strerror(errno), STARVED_MS);
    if (!httpd) return;
    httpd->is_starved = 1;
    update_listeners(httpd);
    event_add(&httpd->starved_event, &pause);
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
    if (httpd->nlisteners == LISTENERS_MAX || port < 0 || port > 65535 ||
        getaddrinfo(host, service, &hints, &address) != 0) {
        errno = httpd->nlisteners == LISTENERS_MAX ? ENOBUFS : EADDRNOTAVAIL;
        return -1;
    }
    struct evconnlistener *listener = listener_new(httpd, address);
    int reason = errno;
    freeaddrinfo(address);
    errno = reason;
    if (!listener) return -1;
    httpd->listeners[httpd->nlisteners++] = evhttp_bind_listener(httpd->evhttp, listener);
    update_listeners(httpd);
    return bound_port(evconnlistener_get_fd(listener));
}

/* --- requests --- */

/* "OPTIONS *" asks what the server as a whole can do. */
static void answer_options(struct httpd_request *request)
{
    static const struct httpd_field fields[] = { { "Allow", httpd_allowed_methods }, { 0 } };
    httpd_reply(request, 204, fields, NULL, 0);
}

static void on_evhttp_request(struct evhttp_request *evreq, void *arg)
{
    struct httpd *httpd = arg;
    struct httpd_request *request = httpd_request_begin(&httpd->conns, evreq);
    struct httpd_conn *conn = request->conn;
    httpd_conn_ref(conn);        /* evhttp still uses the connection when a request was answered */
    if (request->is_unguarded) { /* the guard and evhttp disagree: never to be served */
        log_line(LOG_ERROR, "httpd.guard",
                 "request %s was refused: the guard has seen no such request", request->id);
        request->close = 1;
        httpd_reply_problem(request, 400, "bad_request", "This request can be read in two ways.",
                            NULL);
    } else if (strcmp(httpd_path(request), "*") == 0) {
        answer_options(request);
    } else {
        httpd->on_request(request, httpd->arg);
    }
    httpd_conn_unref(conn);
}

/* --- the server --- */

static void configure(struct httpd *httpd)
{
    struct evhttp *evhttp = httpd->evhttp;
    evhttp_set_max_headers_size(evhttp, httpd->conns.limits.max_header_bytes);
    evhttp_set_max_body_size(evhttp, httpd->conns.limits.max_body_bytes);
    evhttp_set_default_content_type(evhttp, NULL);
    /* all that the guard lets through, so that the caller can answer 405 */
    evhttp_set_allowed_methods(evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                           EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                                           EVHTTP_REQ_PATCH);
    evhttp_set_bevcb(evhttp, httpd_conns_accept, &httpd->conns);
    evhttp_set_gencb(evhttp, on_evhttp_request, httpd);
}

struct httpd *httpd_new(struct loop *loop, const struct httpd_limits *limits,
                        httpd_on_request *on_request, void *arg)
{
    struct evhttp *evhttp = evhttp_new(loop_base(loop));
    if (!evhttp) return NULL;
    struct httpd *httpd = mem_new(1, sizeof *httpd);
    httpd->loop = loop;
    httpd->evhttp = evhttp;
    httpd->on_request = on_request;
    httpd->arg = arg;
    httpd_conns_init(&httpd->conns, loop, limits ? limits : &httpd_default_limits);
    httpd->conns.on_client_closed = httpd_request_closed;
    httpd->conns.on_full_change = update_listeners;
    httpd->conns.arg = httpd;
    evtimer_assign(&httpd->starved_event, loop_base(loop), on_starved_end, httpd);
    configure(httpd);
    httpd->next = servers;
    servers = httpd;
    return httpd;
}

void httpd_drain(struct httpd *httpd)
{
    for (int i = 0; i < httpd->nlisteners; i++)
        evhttp_del_accept_socket(httpd->evhttp, httpd->listeners[i]);
    httpd->nlisteners = 0;
    httpd_conns_drain(&httpd->conns);
}

void httpd_exempt(struct httpd *httpd, const char *peer)
{
    httpd_conns_exempt(&httpd->conns, peer);
}

void httpd_take_long_bodies(struct httpd *httpd, int64_t max_bytes,
                            int (*takes_long_body)(const char *method, const char *path, void *arg))
{
    httpd->conns.takes_long_body = takes_long_body;
    httpd->conns.long_body_arg = httpd->arg;
    httpd_conns_take_long_bodies(&httpd->conns, max_bytes);
    evhttp_set_max_body_size(httpd->evhttp, max_bytes);
}

void httpd_set_too_large_page(struct httpd *httpd, const char *html, size_t len)
{
    bytes_clear(&httpd->conns.too_large_page);
    bytes_add(&httpd->conns.too_large_page, html, len);
}

int httpd_connections(const struct httpd *httpd)
{
    return httpd->conns.count;
}

int httpd_pending(const struct httpd *httpd)
{
    return httpd->conns.npending;
}

/* evhttp_free() would free the requests that callers still hold, so their connections are closed
 * first, by the path that leaves those valid. */
void httpd_free(struct httpd *httpd)
{
    if (!httpd) return;
    httpd_drain(httpd);
    httpd_conns_close_busy(&httpd->conns);
    evhttp_free(httpd->evhttp);
    httpd_conns_fini(&httpd->conns);
    httpd_refusals_report(INT64_MAX);
    event_del(&httpd->starved_event);
    struct httpd **link = &servers;
    while (*link != httpd)
        link = &(*link)->next;
    *link = httpd->next;
    free(httpd);
}
