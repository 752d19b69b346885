/* fetch: outgoing HTTP requests with libcurl on the loop. One start, exactly one callback (unless
 * cancelled), never from inside libcurl.
 *
 * Never follows redirects; http and https alone; a proxy only where the options name one; names are
 * resolved on threads that nothing waits for, and NAME.localhost is this machine. Connections that
 * were idle for 4 s are not used again. SSL_CERT_FILE in the environment names a bundle of
 * certificates to trust instead of the system's. On the loop's thread. */
#ifndef FETCH_H
#define FETCH_H
#include "fetch_transfer.h"

struct loop;
struct fetch_pool;
struct fetch;

typedef void fetch_done_fn(const struct fetch_result *result, void *arg);

/* NULL when libcurl cannot start. At most `max_parallel` transfers run at once, the rest wait in
 * order. */
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
