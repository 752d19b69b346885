#include "httpd_internal.h"
#include "log.h"
#include "loop.h"
#include "random.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

struct httpd_conn *httpd_request_conn(const struct httpd_request *request)
{
    return (struct httpd_conn *)((char *)(uintptr_t)request - offsetof(struct httpd_conn, request));
}

/* ---- what a request is made of ---- */

/* 80 random bits: nobody guesses or repeats one. */
static void make_id(char id[17])
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    for (int i = 0; i < 16; i++)
        id[i] = letters[bytes[i] & 31];
    id[16] = 0;
}

/* 1 when a comma-separated list holds the word. */
static int list_has(const char *list, const char *word)
{
    size_t len = strlen(word);
    while (*list) {
        list += strspn(list, ", \t");
        size_t item = strcspn(list, ", \t");
        if (item == len && strncasecmp(list, word, len) == 0) return 1;
        list += item;
    }
    return 0;
}

/* What evhttp takes for it: the beginning of the first such field. */
static int asks_to_keep(const struct evhttp_request *evreq)
{
    const char *first = evhttp_find_header(evreq->input_headers, "Connection");
    return first && strncasecmp(first, "keep-alive", 10) == 0;
}

static int wants_close(const struct evhttp_request *evreq, int http11)
{
    struct evkeyval *field;
    TAILQ_FOREACH(field, evreq->input_headers, next)
    {
        if (strcasecmp(field->key, "Connection") == 0 && list_has(field->value, "close")) return 1;
    }
    return !http11 && !asks_to_keep(evreq);
}

/* Skips "http://authority" of an absolute target, if the authority is what Host says. NULL
 * otherwise. */
static char *skip_authority(const struct evhttp_request *evreq, char *target)
{
    const char *host = evhttp_find_header(evreq->input_headers, "Host");
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;
    if (!scheme || !host || !*host) return NULL;
    size_t len = strcspn(target + scheme, "/?");
    if (len != strlen(host) || strncasecmp(target + scheme, host, len) != 0) return NULL;
    return target + scheme + len;
}

/* Cuts the target in two, in place. Returns 0, or -1 when it is none that we serve. */
static int read_target(struct httpd_request *request)
{
    char *target = request->evreq->uri;
    if (*target != '/') target = skip_authority(request->evreq, target);
    if (!target || (target[0] == '/' && target[1] == '/')) return -1;
    char *mark = strchr(target, '?');
    request->query = mark ? mark + 1 : "";
    if (mark) *mark = 0;
    request->path = *target ? target : "/";
    return 0;
}

/* ---- its beginning ---- */

/* "OPTIONS *" asks what the server as a whole can do. */
static void answer_options(struct httpd_request *request)
{
    static const struct httpd_field fields[] = {
        { "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" }, { 0 }
    };
    httpd_reply(request, 204, fields, NULL, 0);
}

/* Answers what no caller should see. */
static int refused(struct httpd_conn *conn, struct httpd_request *request)
{
    if ((int32_t)(conn->guard.messages - conn->begun) <
        0) { /* two readings of the same bytes: never to be served */
        log_line(LOG_ERROR, "httpd.guard",
                 "request %s was refused: the guard has seen no such request", request->id);
        httpd_refuse(request, 400, "bad_request", "This request can be read in two ways.");
        return 1;
    }
    if (strcmp(request->evreq->uri, "*") == 0) {
        answer_options(request);
        return 1;
    }
    if (read_target(request) != 0) {
        httpd_refuse(request, 400, "bad_request",
                     "The request's target must be a path that starts with one slash, or name the "
                     "same host as Host.");
        return 1;
    }
    return 0;
}

/* Either the client's end has closed, or something is wrong with the socket; the first time it just
 * says that it can be written to. */
static void on_left(evutil_socket_t fd, short what, void *arg)
{
    struct httpd_conn *conn = arg;
    int error = 0;
    socklen_t len = sizeof error;
    if (!(what & EV_CLOSED) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
        error == 0)
        return;
    httpd_conn_unwatch(conn);
    httpd_request_gone(&conn->request);
}

/* evhttp looks at nothing while a handler waits, and turning its reading on would end the process
 * at the next request. EV_CLOSED tells of an orderly end; a reset reaches only those who ask for
 * reading or writing. Edge-triggered, so that neither repeats itself. */
static void watch(struct httpd_conn *conn)
{
    event_del(&conn->event);
    event_assign(&conn->event, bufferevent_get_base(conn->bev), conn->fd,
                 EV_CLOSED | EV_WRITE | EV_ET | EV_PERSIST, on_left, conn);
    event_add(&conn->event, NULL);
    conn->watched = 1;
}

/* libevent gathers a turn's changes per descriptor, and a deleted event leaves its edge trigger
 * there for whatever is added next: evhttp would then read once and never again. A level-triggered
 * event that comes and goes takes it away. */
void httpd_conn_unwatch(struct httpd_conn *conn)
{
    if (!conn->watched) return;
    conn->watched = 0;
    event_del(&conn->event);
    event_assign(&conn->event, bufferevent_get_base(conn->bev), conn->fd, EV_CLOSED | EV_WRITE,
                 on_left, conn);
    event_add(&conn->event, NULL);
    event_del(&conn->event);
}

void httpd_request_clear(struct httpd_request *request)
{
    memset(request, 0, sizeof *request);
    make_id(request->id);
    request->path = "/";
    request->query = "";
    request->started_us = loop_now_us();
}

static void fill(struct httpd_conn *conn, struct evhttp_request *evreq)
{
    struct httpd_request *request = &conn->request;
    httpd_request_clear(request);
    request->evreq = evreq;
    request->http11 = evreq->major == 1 && evreq->minor >= 1;
    request->is_head = evreq->type == EVHTTP_REQ_HEAD;
    request->close = wants_close(evreq, request->http11);
    evreq->flags &= ~EVHTTP_PROXY_REQUEST; /* an absolute target does not make us a proxy */
}

static void on_sent(struct evhttp_request *evreq, void *arg)
{
    struct httpd_conn *conn = arg;
    (void)evreq;
    httpd_conn_uncount(conn);
    if (conn->request.close)
        httpd_guard_end(conn);
    else
        httpd_guard_wait(conn); /* the next request may be here already */
}

void httpd_request_begin(struct evhttp_request *evreq, void *arg)
{
    struct httpd *httpd = arg;
    struct httpd_conn *conn = httpd_conn_of(httpd, evreq);
    fill(conn, evreq);
    evhttp_request_set_on_complete_cb(evreq, on_sent, conn);
    httpd_conn_set_state(conn, CONN_BUSY);
    conn->begun++;
    conn->counted = 1;
    httpd->npending++;
    httpd_conn_ref(conn); /* the request's */
    httpd_conn_ref(conn); /* ours */
    if (!refused(conn, &conn->request)) httpd->on_request(&conn->request, httpd->arg);
    httpd_conn_unref(conn);
}

/* ---- its end ---- */

void httpd_request_gone(struct httpd_request *request)
{
    void (*fn)(void *arg) = request->on_gone;
    request->on_gone = NULL;
    if (fn) fn(request->gone_arg);
}

int httpd_request_answer(struct httpd_request *request)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    request->on_gone = NULL;
    if (!conn->evcon) return 0;
    httpd_conn_unwatch(conn); /* before anything is written: the two kinds of trigger do not mix on
                                 one descriptor */
    if (conn->httpd->draining) request->close = 1;
    return 1;
}

/* The connection is closed: evhttp has let go of the request, and frees it when told of its end. */
static void release(struct httpd_request *request)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    struct evhttp_request *evreq = request->evreq;
    request->evreq = NULL;
    evhttp_send_reply_end(evreq);
    httpd_conn_uncount(conn);
    httpd_conn_unref(conn);
}

/* evhttp would close at once, and reset the connection if anything is unread. When it ends is for
 * us to say: on_sent() does. */
static void keep_open(struct evhttp_request *evreq)
{
    evreq->major = evreq->minor = 1;
    while (evhttp_remove_header(evreq->input_headers, "Connection") == 0)
        continue;
}

void httpd_request_end(struct httpd_request *request)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    struct evhttp_request *evreq = request->evreq;
    if (!conn->evcon) {
        release(request);
        return;
    }
    request->evreq = NULL;
    evreq->chunked = 0; /* as it came; evhttp would take it for how the answer goes */
    if (request->close) keep_open(evreq);
    conn->unsent = httpd_conn_unsent(conn);
    if (conn->unsent > 0) {
        bufferevent_disable(conn->bev, EV_READ);
        bufferevent_setcb(conn->bev, NULL, conn->write_cb, conn->event_cb, conn->evcon);
        httpd_conn_set_state(conn, CONN_WRITING);
    }
    evhttp_send_reply_end(evreq);
    httpd_conn_unref(conn);
}

/* ---- the view of it ---- */

const char *httpd_method(const struct httpd_request *request)
{
    switch (request->evreq->type) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    default:
        return "UNKNOWN";
    }
}

const char *httpd_path(const struct httpd_request *request)
{
    return request->path;
}

const char *httpd_query(const struct httpd_request *request)
{
    return request->query;
}

const char *httpd_header(const struct httpd_request *request, const char *name)
{
    return evhttp_find_header(request->evreq->input_headers, name);
}

int httpd_accepts_gzip(const struct httpd_request *request)
{
    const char *list = httpd_header(request, "Accept-Encoding");
    for (size_t len; list && *(list += strspn(list, ", \t")); list += len) {
        len = strcspn(list, ",");
        if (strcspn(list, "; \t,") != 4 || strncasecmp(list, "gzip", 4) != 0) continue;
        const char *quality = memmem(list, len, "q=", 2);
        return !quality || strtod(quality + 2, NULL) > 0;
    }
    return 0;
}

void httpd_each_header(const struct httpd_request *request,
                       void (*fn)(const char *name, const char *value, void *arg), void *arg)
{
    struct evkeyval *field;
    TAILQ_FOREACH(field, request->evreq->input_headers, next)
    {
        for (char *c = field->key; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        fn(field->key, field->value, arg);
    }
}

const char *httpd_body(const struct httpd_request *request, size_t *len)
{
    struct evbuffer *body = request->evreq->input_buffer;
    *len = evbuffer_get_length(body);
    return *len > 0 ? (const char *)evbuffer_pullup(body, -1) : "";
}

const char *httpd_peer(const struct httpd_request *request)
{
    static const char mapped[] = "::ffff:"; /* how a socket for both kinds shows IPv4 */
    const char *host = request->evreq->remote_host;
    return strncmp(host, mapped, sizeof mapped - 1) == 0 && strchr(host, '.')
               ? host + sizeof mapped - 1
               : host;
}

const char *httpd_id(const struct httpd_request *request)
{
    return request->id;
}

int64_t httpd_started_us(const struct httpd_request *request)
{
    return request->started_us;
}

void httpd_on_gone(struct httpd_request *request, void (*fn)(void *arg), void *arg)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    request->on_gone = fn;
    request->gone_arg = arg;
    if (fn && request->evreq && conn->evcon && !request->streaming && !conn->watched) watch(conn);
}
