/* httpd: evhttp made safe. It listens, limits, hands out whole requests, and drains.
 *
 *   httpd_head     the bytes in front of an answer's body
 *   httpd_conn     one connection: its guard, its states, its end
 *   httpd_conns    all of them: the cap, the deadlines
 *   httpd_request  what a request says (see there for how long it lives)
 *   httpd_reply    a whole answer
 *   httpd_stream   an answer in pieces
 *
 * Answered by httpd itself, with a problem document and Connection: close: 400 for what is not HTTP
 * or has more than one reading, 405 for TRACE and CONNECT, 408 for a request that takes too long,
 * 413, 414 and 431 past the limits, 417 for an expectation that is not 100-continue, 501 for an
 * unknown method or coding, 503 for one connection too many from an address, 505 for another
 * version. After such an answer what the client still sends is read and discarded for a while, so
 * that the answer arrives. "OPTIONS *" is answered 204.
 *
 * On the loop's thread. */
#ifndef HTTPD_H
#define HTTPD_H
#include "httpd_limits.h"
#include <stddef.h>

struct loop;
struct httpd;
struct httpd_request;

extern const struct httpd_limits httpd_default_limits;

/* A whole request; the callee answers now or later. */
typedef void httpd_on_request(struct httpd_request *request, void *arg);

/* New server, not listening; NULL when out of memory. `limits` is copied; NULL: the defaults. */
struct httpd *httpd_new(struct loop *loop, const struct httpd_limits *limits,
                        httpd_on_request *on_request, void *arg);
/* Listens on host:port (port 0: any free one). Returns the port, or -1 with errno. May be called
 * for several addresses. */
int httpd_listen(struct httpd *httpd, const char *host, int port);
/* A peer that is a proxy, by its address: connections from there have no cap of their own. The last
 * 64 are remembered. */
void httpd_exempt(struct httpd *httpd, const char *peer);
/* Requests for which takes_long_body(method, path, arg) is 1 may have a body of up to `max_bytes`
 * instead of the limit, 8 at a time; `arg` is httpd_new()'s. Call before httpd_listen(). */
void httpd_take_long_bodies(struct httpd *httpd, int64_t max_bytes,
                            int (*takes_long_body)(const char *method, const char *path,
                                                   void *arg));
/* The page that a browser gets with 431 in place of the problem document: its cookies may be why,
 * and it cannot ask for anything else. Copied. */
void httpd_set_too_large_page(struct httpd *httpd, const char *html, size_t len);
/* Stops accepting; idle connections close; answers from now on say Connection: close. */
void httpd_drain(struct httpd *httpd);
/* Connections open now; requests and streams not yet ended. */
int httpd_connections(const struct httpd *httpd);
int httpd_pending(const struct httpd *httpd);
/* Frees the server; pending requests are cut, and must still be answered. */
void httpd_free(struct httpd *httpd);
#endif
