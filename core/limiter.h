/* limiter: token buckets, each known by a key, in one table of a fixed size. Lives in the core, so
 * a reload of the scripts forgets nothing. Floor 1.
 *
 * A bucket holds `burst` tokens and fills from empty in `window_us`. Keys come from strangers, so
 * the table has to bear a flood of them: it is kept by a keyed hash, and when there is no room in a
 * key's row, the newcomer takes the place of the fullest bucket, and takes over how empty that one
 * was. So nobody's debt is ever forgotten by filling the table: who is pushed out and comes back
 * finds at least as much as he had; and who owes most is the last to be pushed out.
 */
#ifndef LIMITER_H
#define LIMITER_H
#include <stddef.h>
#include <stdint.h>

struct limiter;
struct limiter_bucket {
    int64_t burst;     /* tokens it holds, above 0 */
    int64_t window_us; /* from empty to full, above 0 */
};
struct limiter_answer {
    int allowed;
    int64_t left;    /* whole tokens, after this one */
    int64_t full_us; /* until it is full again */
    int64_t wait_us; /* until what was asked for is there; 0 when allowed */
};

/* Room for so many keys; made a power of two, 64 at least. */
struct limiter *limiter_new(size_t keys);
void limiter_free(struct limiter *limiter);
/* Takes `cost` tokens out of the key's bucket, if it has as many; else none. Cost 0 only looks.
 * now_us: a clock that never goes back. */
struct limiter_answer limiter_take(struct limiter *limiter, const char *key, size_t len,
                                   struct limiter_bucket bucket, int64_t cost, int64_t now_us);
/* The same for a key that belongs to a group, such as an address to its network: both buckets must
 * have the tokens, and both give them, or none does. A group that is exhausted brings no more keys
 * into the table, so nobody who has many keys can fill it alone. The answer is the key's own, or
 * the group's when that refused. */
struct limiter_key {
    const char *text;
    size_t len;
    struct limiter_bucket bucket;
};
struct limiter_answer limiter_take_both(struct limiter *limiter, struct limiter_key group,
                                        struct limiter_key key, int64_t cost, int64_t now_us);
#endif
