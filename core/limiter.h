/* limiter: token buckets, each known by a key, in one table of a fixed size. It is in the core, so
 * a reload of the scripts forgets nothing. On the loop's thread.
 *
 * A bucket holds `burst` tokens and fills from empty in `window_us`. Keys come from clients, so the
 * table must stand a flood of them: when a key's row has no room, the new key replaces the fullest
 * bucket and inherits how empty that was. So no debt is forgotten by filling the table: a key that
 * was replaced and comes back has at most what it had, and the key that owes most is the last to be
 * replaced. */
#ifndef LIMITER_H
#define LIMITER_H
#include <stddef.h>
#include <stdint.h>

struct limiter;
struct limiter_bucket {
    int64_t burst;     /* tokens it holds, above 0 */
    int64_t window_us; /* from empty to full, above 0 */
};
struct limiter_key {
    const char *text;
    size_t len;
    struct limiter_bucket bucket;
};
struct limiter_answer {
    int is_allowed;
    int64_t left;    /* whole tokens, after this call */
    int64_t full_us; /* until it is full again */
    int64_t wait_us; /* until the tokens asked for are there; 0 when allowed */
};

/* Room for this many keys, rounded up to a power of two, 64 at least. */
struct limiter *limiter_new(size_t keys);
void limiter_free(struct limiter *limiter);
/* Takes `cost` tokens out of the key's bucket when it has as many, else none. Cost 0 only looks; a
 * negative one gives tokens back.
 * now_us: a clock that never goes back. */
struct limiter_answer limiter_take(struct limiter *limiter, struct limiter_key key, int64_t cost,
                                   int64_t now_us);
/* The same for a key that belongs to a group, such as an address to its network: both buckets must
 * have the tokens, and both give them, or neither does. A group that is exhausted adds no keys to
 * the table, so a client with many keys cannot fill it alone. Returns the key's answer, or the
 * group's when that refused. */
struct limiter_answer limiter_take_both(struct limiter *limiter, struct limiter_key group,
                                        struct limiter_key key, int64_t cost, int64_t now_us);
#endif
