/* httpd: evhttp made safe. Listens, limits, shows a request, takes one reply or one stream, tells
 * when the client has left.
 *
 * Every byte that comes in is checked by the guard (guard.h) before evhttp sees it.
 *
 * A request lives until it was answered: httpd_reply(), httpd_cut() or httpd_stream_end(), exactly
 * one of them, exactly once, also when the client has left meanwhile (then the answer goes
 * nowhere), also when the server was freed. The pointer is dead after that call.
 *
 * Each answer has Date and X-Request-Id, and, unless the caller gives them, X-Content-Type-Options:
 * nosniff, Referrer-Policy: no-referrer, Cache-Control: no-store and (but for a 304) a
 * Content-Security-Policy that lets nothing load and nobody frame. Framing (Content-Length,
 * Transfer-Encoding) is httpd's; "Connection: close" may be asked for. HEAD gets the head of the
 * reply and no body. "close" in a Connection list is honoured.
 *
 * Answered by httpd itself, with a problem document and Connection: close: 400 for what is not HTTP
 * or can be read in two ways, 405 for TRACE and CONNECT, 408 for a request that takes too long,
 * 413, 414 and 431 past the limits, 417 for an expectation that is not 100-continue, 501 for a
 * method or coding nobody knows, 503 for one connection too many from an address, 505 for another
 * version. After such an answer what the client still sends is read and thrown away for a while, so
 * that the answer arrives.
 */
#ifndef HTTPD_H
#define HTTPD_H
#include <stddef.h>
#include <stdint.h>

struct loop;
struct httpd;
struct httpd_request;

struct httpd_limits {
    int64_t max_header_bytes; /* 16384 */
    int64_t max_body_bytes;   /* 65536; a longer one is answered 413 */
    int max_header_fields;    /* 100 */
    int max_connections;      /* 4096, and always below the descriptor limit less 64 */
    int max_connections_each; /* 1024: from one address, or one /64 of IPv6; 0: any number. Loopback
                                 is not counted */
    int idle_timeout_ms;      /* 60000: a connection on which nothing moves */
    int head_timeout_ms;      /* 10000: from the first byte of a request to the end of its head */
    int request_timeout_ms;   /* 30000: and from there to its last byte */
    int64_t max_stream_backlog; /* 262144: unsent bytes of a stream before its reader is cut off */
};
extern const struct httpd_limits httpd_default_limits;

/* A request that is whole; the callee answers now or later. */
typedef void httpd_on_request(struct httpd_request *request, void *arg);

/* New server, not listening; NULL when out of memory. */
struct httpd *httpd_new(struct loop *loop, const struct httpd_limits *limits,
                        httpd_on_request *on_request, void *arg);
/* Listens on host:port (port 0: any free one). Returns the port, or -1 with errno. May be called
 * for several addresses. */
int httpd_listen(struct httpd *httpd, const char *host, int port);
/* Stops accepting; idle connections close; answers from now on say Connection: close. */
void httpd_drain(struct httpd *httpd);
/* Connections open now; requests and streams not yet ended. */
int httpd_connections(const struct httpd *httpd);
int httpd_pending(const struct httpd *httpd);
/* Frees the server; what is pending is cut. */
void httpd_free(struct httpd *httpd);

/* The request. Strings live as long as the request. */
const char *httpd_method(const struct httpd_request *request); /* "GET" */
const char *httpd_path(const struct httpd_request *request);  /* raw, still percent-encoded, without
                                                                 query; starts with one "/" */
const char *httpd_query(const struct httpd_request *request); /* raw, without "?"; "" when none */
const char *httpd_header(const struct httpd_request *request,
                         const char *name); /* first value, or NULL; name in any case */
int httpd_accepts_gzip(const struct httpd_request *request); /* what Accept-Encoding says */
/* Calls fn for each header field, names in lower case. */
void httpd_each_header(const struct httpd_request *request,
                       void (*fn)(const char *name, const char *value, void *arg), void *arg);
const char *httpd_body(const struct httpd_request *request, size_t *len); /* never NULL */
const char *httpd_peer(const struct httpd_request *request); /* the peer's address, without port;
                                                                IPv4 as such, never as ::ffff: */
const char *
httpd_id(const struct httpd_request *request); /* the request id: 16 letters and digits */
int64_t httpd_started_us(const struct httpd_request *request); /* loop_now_us() when it was whole */
/* Calls fn(arg) when the client leaves before the answer, which is watched for from then on. One
 * slot; NULL takes it away. */
void httpd_on_gone(struct httpd_request *request, void (*fn)(void *arg), void *arg);

struct httpd_field {
    const char *name, *value;
};
/* The whole answer. Fields end with a NULL name and may be NULL. Body is copied. A field with a
 * control byte is left out and logged. */
void httpd_reply(struct httpd_request *request, int status, const struct httpd_field *fields,
                 const void *body, size_t len);
/* Writes a problem document into HTTPD_PROBLEM_BYTES, to be sent as application/problem+json;
 * returns its length. Code and detail are constants that need no escape in JSON. */
enum { HTTPD_PROBLEM_BYTES = 512 };
size_t httpd_problem(const struct httpd_request *request, char *body, int status, const char *code,
                     const char *detail);
/* Closes the connection. When status is not 0, first sends a head that promises `promised` bytes
 * and then only `body`: half an answer, for rehearsals. */
void httpd_cut(struct httpd_request *request, int status, const struct httpd_field *fields,
               const void *body, size_t len, size_t promised);

/* A stream: head now, bytes as they come, no idle timeout. on_end(arg) is called once if the client
 * leaves or is cut off for not reading (backlog above the limit); then httpd_stream_end() must
 * still be called. */
void httpd_stream_start(struct httpd_request *request, int status, const struct httpd_field *fields,
                        void (*on_end)(void *arg), void *arg);
void httpd_stream_write(struct httpd_request *request, const void *bytes, size_t len);
void httpd_stream_end(struct httpd_request *request);
#endif
