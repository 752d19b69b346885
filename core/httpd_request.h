/* httpd_request: one request of a client, as the guard read it.
 *
 * It lives until it is answered: httpd_reply(), httpd_cut() or httpd_stream_end(), exactly one of
 * them, exactly once, also when the client has closed meanwhile (then the answer is discarded),
 * also when the server was freed. The pointer is dead after that call. Its strings live as long as
 * it does. On the loop's thread. */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H
#include "httpd_conn.h"
#include "httpd_head.h"

const char *httpd_method(const struct httpd_request *request); /* "GET" */
/* Still percent-encoded, without query; starts with one "/". */
const char *httpd_path(const struct httpd_request *request);
/* Still percent-encoded, without "?"; "" without a query. */
const char *httpd_query(const struct httpd_request *request);
/* The field's value, or NULL; `name` in lower case. Repeated fields are joined (guard_request.h).
 */
const char *httpd_header(const struct httpd_request *request, const char *name);
/* Never NULL. */
const char *httpd_body(const struct httpd_request *request, size_t *len);
/* The client's address, without port; IPv4 as such, never as ::ffff:a.b.c.d. */
const char *httpd_peer(const struct httpd_request *request);
/* 16 random letters and digits; X-Request-Id of the answer. */
const char *httpd_id(const struct httpd_request *request);
/* Calls fn(arg) once if the client closes before the answer. One slot; NULL clears it. */
void httpd_on_close(struct httpd_request *request, void (*fn)(void *arg), void *arg);

/* --- for the httpd_*.c files alone --- */

struct httpd_request {
    struct httpd_conn *conn;
    struct evhttp_request *evreq;
    struct guard_request *read;
    int64_t started_us; /* loop_now_us() when the request was complete; for all to read */
    void (*on_close)(void *arg);
    void *on_close_arg;
    char id[HTTPD_ID_LEN + 1];
    unsigned is_unguarded : 1; /* the guard has not seen it; must be refused */
    unsigned close : 1;        /* the connection ends with this answer */
    unsigned is_stream : 1;    /* httpd_stream_start() was called */
    unsigned is_chunked : 1;   /* and its pieces are chunks */
    unsigned is_cut : 1;       /* and it was cut off: nothing more is sent */
};

/* evhttp has a whole request. */
struct httpd_request *httpd_request_begin(struct httpd_conns *conns, struct evhttp_request *evreq);
int httpd_request_is_head(const struct httpd_request *request);
/* Call first when answering: stops watching the client. Returns 1 when there is still a connection.
 */
int httpd_request_answer(struct httpd_request *request);
/* Writes the head of the answer; valid until the next head is written. `length` as in
 * httpd_head.h. */
struct iovec httpd_request_head(struct httpd_request *request, int status,
                                const struct httpd_field *fields, int64_t length);
/* All of the answer was given to httpd_conn_send(): hands the connection back to evhttp. */
void httpd_request_end(struct httpd_request *request);
/* httpd_conns' on_client_closed. The request may be dead afterwards. */
void httpd_request_closed(struct httpd_request *request);
#endif
