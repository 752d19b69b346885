/* fetch: libcurl's multi interface on the loop. One start, exactly one callback (unless cancelled),
 * never from inside libcurl.
 *
 * Never follows redirects; http and https alone; no proxy from the environment; names are resolved
 * on threads that nobody waits for, and NAME.localhost is this machine. Connections that were idle
 * for 4 s are not used again. SSL_CERT_FILE in the environment names a bundle of certificates to
 * trust instead of the system's.
 */
#ifndef FETCH_H
#define FETCH_H
#include <stddef.h>
#include <stdint.h>

struct loop;
struct fetch_pool;
struct fetch;

/* FETCH_FRESH: a connection of its own, closed afterwards; for calls that must not be sent twice
 * (libcurl repeats a POST on a dead kept connection). FETCH_NO_VERIFY: accept any certificate; only
 * for a request that carries no secret. FETCH_FENCE: refuse to connect to loopback, link-local,
 * unspecified, multicast and reserved addresses, whatever the name says: code "refused".
 * FETCH_CERTIFICATE: also tell until when the server's certificate is valid. */
enum { FETCH_FRESH = 1, FETCH_NO_VERIFY = 2, FETCH_FENCE = 4, FETCH_CERTIFICATE = 8 };

struct fetch_options {
    const char *method, *url;
    const char *const *headers; /* "Name: value" lines, NULL-terminated; may be NULL */
    const char *body;           /* may be NULL */
    size_t body_len;
    const char *connect_to; /* "host:port" to connect to instead of what the URL says, or NULL */
    int64_t timeout_ms, connect_timeout_ms; /* 15000 and 3000 when 0; the first counts from the
                                               start, waiting for a turn included */
    size_t max_body;                        /* 1 MiB when 0; a longer answer is "too_large" */
    unsigned flags;
};

struct fetch_result {
    const char *code;  /* NULL when an answer came; else timeout refused dns tls too_large closed
                          invalid failed */
    char message[256]; /* for people, English, without the URL's query */
    int status;
    char *head; /* "name: value\n" lines, names in lower case */
    char *body;
    size_t body_len; /* NUL-terminated as well */
    int64_t elapsed_us;
    int sent; /* 0: certainly nothing of the request left this machine, safe to repeat whatever it
                 is */
    int verified;             /* the certificate was checked and good (https) */
    int64_t certificate_ends; /* FETCH_CERTIFICATE: the end of its validity, in seconds since 1970;
                                 0 when it is not known */
};
typedef void fetch_done_fn(const struct fetch_result *result, void *arg);

/* NULL when out of memory. At most `max_parallel` transfers run at once, the rest wait in order. */
struct fetch_pool *fetch_pool_new(struct loop *loop, int max_parallel);
/* Cancels what runs; no callback comes. Not from inside a callback. */
void fetch_pool_free(struct fetch_pool *pool);
/* Starts; copies all options. `done` comes later, on the loop; the result lives during the
 * callback. Never NULL (an invalid option ends as code "invalid"). */
struct fetch *fetch_start(struct fetch_pool *pool, const struct fetch_options *options,
                          fetch_done_fn *done, void *arg);
/* No callback will come; the pointer is dead. Not after the callback has come. */
void fetch_cancel(struct fetch *fetch);
#endif
