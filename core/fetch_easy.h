/* fetch_easy: inside fetch, one transfer: from options to an easy handle, and from its end to a
 * result. Knows no loop. */
#ifndef FETCH_EASY_H
#define FETCH_EASY_H
#include "fetch.h"
#include <curl/curl.h>
#include <sys/queue.h>

struct loop_timer;
struct fetch_bytes {
    char *bytes;
    size_t len, room;
};
enum fetch_state { FETCH_WAITING, FETCH_RUNNING, FETCH_ENDED };

struct fetch {
    TAILQ_ENTRY(fetch) link;
    struct fetch_pool *pool;
    enum fetch_state state;
    fetch_done_fn *done;
    void *arg;
    struct loop_timer *patience; /* while it waits for its turn */
    int64_t started_us;

    char *method, *url, *body, *where; /* where: "GET http://host/path", for messages */
    size_t body_len, max_body;
    int64_t timeout_ms, connect_timeout_ms;
    unsigned flags;
    struct curl_slist *headers, *connect_to;

    CURL *easy;
    char curl_says[CURL_ERROR_SIZE];
    char fenced[64]; /* the address that the fence refused, or "" */
    int sent, too_large, body_begun;
    struct fetch_bytes head, text;
    struct fetch_result result;
};

/* Copies the options. When one is not valid, result.code is "invalid". */
void fetch_easy_init(struct fetch *fetch, const struct fetch_options *options);
void fetch_easy_fini(struct fetch *fetch);
/* Makes a new or used handle do this transfer, within `left_ms`. */
void fetch_easy_set(struct fetch *fetch, CURL *easy, int64_t left_ms);
/* Fills in the result. */
void fetch_easy_end(struct fetch *fetch, CURLcode rc, int64_t elapsed_us);
/* 1 for loopback, link-local, unspecified, multicast and reserved addresses, also when they are
 * wrapped in IPv6. */
int fetch_is_inner(const struct sockaddr *address);
#endif
