#include "limiter.h"
#include "hash.h"
#include "mem.h"

enum { WAYS = 8, ROWS_MIN = 8 };

/* The tag is the key's whole hash: two keys share a bucket with a chance of one in 2^64. */
struct entry {
    uint64_t tag; /* 0: free */
    int64_t full_at_us, window_us;
};

struct limiter {
    size_t nrows; /* a power of two */
    struct entry *entries;
};

struct limiter *limiter_new(size_t keys)
{
    struct limiter *limiter = mem_new(1, sizeof *limiter);
    limiter->nrows = ROWS_MIN;
    while (limiter->nrows * WAYS < keys)
        limiter->nrows *= 2;
    limiter->entries = mem_new(limiter->nrows * WAYS, sizeof *limiter->entries);
    return limiter;
}

void limiter_free(struct limiter *limiter)
{
    if (!limiter) return;
    free(limiter->entries);
    free(limiter);
}

static int64_t debt_us(const struct entry *entry, int64_t now_us)
{
    return entry->tag && entry->full_at_us > now_us ? entry->full_at_us - now_us : 0;
}

/* From 0 (full) to 1; comparable whatever the size of the bucket. -1 for a free entry. */
static double emptiness(const struct entry *entry, int64_t now_us)
{
    return entry->tag ? (double)debt_us(entry, now_us) / (double)entry->window_us : -1;
}

/* The key's entry in its row, or the one that a new key gets: a free one, or the fullest. */
static struct entry *find(const struct limiter *limiter, uint64_t tag, int64_t now_us)
{
    struct entry *row = limiter->entries + (tag & (limiter->nrows - 1)) * WAYS, *fullest = row;
    for (int i = 0; i < WAYS; i++) {
        if (row[i].tag == tag) return row + i;
        if (emptiness(row + i, now_us) < emptiness(fullest, now_us)) fullest = row + i;
    }
    return fullest;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct limiter_answer limiter_take(struct limiter *limiter, struct limiter_key key, int64_t cost,
                                   int64_t now_us)
{
    int64_t window_us = key.bucket.window_us, token_us = window_us / key.bucket.burst;
    uint64_t tag = hash_bytes(key.text, key.len);
    if (tag == 0) tag = 1;
    if (token_us == 0) token_us = 1;
    struct entry *entry = find(limiter, tag, now_us);
    int64_t debt = debt_us(entry, now_us);
    if (entry->tag && entry->tag != tag)
        debt = (int64_t)(emptiness(entry, now_us) * (double)window_us);
    debt = min64(debt, window_us);
    int64_t asked = cost > key.bucket.burst ? window_us + 1 : cost * token_us;
    struct limiter_answer answer = { .is_allowed = debt + asked <= window_us };
    if (answer.is_allowed)
        debt = debt + asked > 0 ? debt + asked : 0;
    else
        answer.wait_us = debt + min64(asked, window_us) - window_us;
    answer.left = (window_us - debt) / token_us;
    answer.full_us = debt;
    if (cost > 0 || (cost < 0 && entry->tag == tag))
        *entry = (struct entry){ .tag = tag, .full_at_us = now_us + debt, .window_us = window_us };
    return answer;
}

struct limiter_answer limiter_take_both(struct limiter *limiter, struct limiter_key group,
                                        struct limiter_key key, int64_t cost, int64_t now_us)
{
    if (limiter_take(limiter, key, 0, now_us).left >= cost) {
        struct limiter_answer answer = limiter_take(limiter, group, cost, now_us);
        if (!answer.is_allowed) return answer;
    }
    return limiter_take(limiter, key, cost, now_us);
}
