/* fetch_transfer: one outgoing request: from options to a libcurl handle, and from its end to a
 * result. Knows no loop; see fetch.h for what is promised. */
#ifndef FETCH_TRANSFER_H
#define FETCH_TRANSFER_H
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct fetch_transfer;

enum {
    FETCH_FRESH = 1,      /* a connection of its own, closed afterwards; for calls that must not be
                             sent twice (libcurl repeats a POST on a dead kept connection) */
    FETCH_NO_VERIFY = 2,  /* accept any certificate; only for a request that carries no secret */
    FETCH_FENCE = 4,      /* refuse to connect to loopback, link-local, unspecified, multicast and
                             reserved addresses, whatever the name says: code "refused" */
    FETCH_CERTIFICATE = 8 /* also report when the server's certificate expires */
};

struct fetch_options {
    const char *method, *url;
    const char *const *headers; /* "Name: value" lines, ends with NULL; may be NULL */
    const char *body;           /* may be NULL */
    size_t body_len;
    const char *connect_to; /* "host:port" to connect to instead of what the URL says, or NULL */
    const char *proxy;      /* "http://host:port" of an HTTP proxy, or NULL: straight there. With a
                               proxy the fence is the proxy's, which connects */
    int64_t timeout_ms;     /* 0: 15000; counts from the start, waiting for a turn included */
    int64_t connect_timeout_ms; /* 0: 3000 */
    size_t max_body;            /* 0: 1 MiB; a longer answer is "too_large" */
    unsigned flags;
};

struct fetch_result {
    const char *code;  /* NULL when an answer came; else timeout refused dns tls too_large closed
                          invalid failed */
    char message[256]; /* for people, in English, without the URL's query */
    int status;
    const char *head; /* "name: value\n" lines, names in lower case */
    const char *body; /* ends with a NUL that body_len does not count */
    size_t body_len;
    int64_t elapsed_us;
    int sent;                 /* 0: nothing of the request left this machine; safe to repeat */
    int verified;             /* https, and the certificate was checked and good */
    int64_t certificate_ends; /* FETCH_CERTIFICATE: in seconds since 1970; 0 when unknown */
};

/* Copies the options. When one is not valid, the result's code is "invalid" at once. */
struct fetch_transfer *fetch_transfer_new(const struct fetch_options *options);
void fetch_transfer_free(struct fetch_transfer *transfer);
/* A CURL handle that does this transfer within `left_ms`; its CURLOPT_PRIVATE is `owner`. Lives
 * until the transfer is freed. */
void *fetch_transfer_handle(struct fetch_transfer *transfer, int64_t left_ms, void *owner);
/* Fills in the result. `curl_code`: a CURLcode. */
void fetch_transfer_end(struct fetch_transfer *transfer, int curl_code, int64_t elapsed_us);
/* Lives as long as the transfer. */
const struct fetch_result *fetch_transfer_result(const struct fetch_transfer *transfer);
/* With the default in place. */
int64_t fetch_transfer_timeout_ms(const struct fetch_transfer *transfer);
/* 1 for loopback, link-local, unspecified, multicast and reserved addresses, also when they are
 * wrapped in IPv6. */
int fetch_is_inner(const struct sockaddr *address);
#endif
