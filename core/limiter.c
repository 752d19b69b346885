#include "limiter.h"
#include "mem.h"
#include "random.h"

#include <string.h>

enum { WAYS = 8 };

/* 24 bytes. A tag is the key's whole hash: two keys of one tag would share a bucket, one chance in
 * 2^64. */
struct entry {
    uint64_t tag; /* 0: free */
    int64_t full_at_us, window_us;
};

struct limiter {
    uint64_t seed[2];
    size_t nrows; /* a power of two */
    struct entry *entries;
};

struct limiter *limiter_new(size_t keys)
{
    struct limiter *limiter = mem_new(1, sizeof *limiter);

    limiter->nrows = 8;
    while (limiter->nrows * WAYS < keys)
        limiter->nrows *= 2;
    limiter->entries = mem_new(limiter->nrows * WAYS, sizeof *limiter->entries);
    random_bytes(limiter->seed, sizeof limiter->seed);
    return limiter;
}

void limiter_free(struct limiter *limiter)
{
    if (!limiter) return;
    free(limiter->entries);
    free(limiter);
}

/* --- the hash: SipHash-1-3, so that strangers cannot choose who shares their row --- */

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void round_of(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static void mix(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    round_of(v);
    v[0] ^= word;
}

static uint64_t tag_of(const struct limiter *limiter, const char *key, size_t len)
{
    uint64_t a = limiter->seed[0], b = limiter->seed[1], last = (uint64_t)len << 56;
    uint64_t v[4] = { a ^ 0x736f6d6570736575u, b ^ 0x646f72616e646f6du, a ^ 0x6c7967656e657261u,
                      b ^ 0x7465646279746573u };

    for (; len >= 8; key += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, key, 8);
        mix(v, word);
    }
    for (size_t i = 0; i < len; i++)
        last |= (uint64_t)(unsigned char)key[i] << 8 * i;
    mix(v, last);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        round_of(v);
    uint64_t tag = v[0] ^ v[1] ^ v[2] ^ v[3];
    return tag ? tag : 1;
}

/* --- buckets --- */

static int64_t debt_of(const struct entry *entry, int64_t now_us)
{
    return entry->tag && entry->full_at_us > now_us ? entry->full_at_us - now_us : 0;
}

/* How empty it is, from 0 to 1: comparable whatever the size of the bucket. */
static double emptiness(const struct entry *entry, int64_t now_us)
{
    return entry->tag ? (double)debt_of(entry, now_us) / (double)entry->window_us : -1;
}

static struct entry *find(const struct limiter *limiter, uint64_t tag)
{
    struct entry *row = limiter->entries + (tag & (limiter->nrows - 1)) * WAYS;

    for (int i = 0; i < WAYS; i++)
        if (row[i].tag == tag) return row + i;
    return NULL;
}

/* The place in the row that is free, or fullest: a newcomer's. */
static struct entry *roomiest(const struct limiter *limiter, uint64_t tag, int64_t now_us)
{
    struct entry *row = limiter->entries + (tag & (limiter->nrows - 1)) * WAYS, *found = row;

    for (int i = 1; i < WAYS; i++)
        if (emptiness(row + i, now_us) < emptiness(found, now_us)) found = row + i;
    return found;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct limiter_answer limiter_take(struct limiter *limiter, const char *key, size_t len,
                                   struct limiter_bucket bucket, int64_t cost, int64_t now_us)
{
    uint64_t tag = tag_of(limiter, key, len);
    struct entry *entry = find(limiter, tag),
                 *place = entry ? entry : roomiest(limiter, tag, now_us);
    double inherited = entry || !place->tag ? 0 : emptiness(place, now_us);
    int64_t window = bucket.window_us, each = window / bucket.burst > 0 ? window / bucket.burst : 1;
    int64_t debt =
        min64(entry ? debt_of(entry, now_us) : (int64_t)(inherited * (double)window), window);
    int64_t asked = cost > bucket.burst ? window + 1 : cost * each;
    struct limiter_answer answer = { .allowed = debt + asked <= window };

    if (answer.allowed) debt += asked;
    answer.left = (window - debt) / each;
    answer.full_us = debt;
    answer.wait_us = answer.allowed ? 0 : debt + min64(asked, window) - window;
    if (cost > 0)
        *place = (struct entry){ .tag = tag, .full_at_us = now_us + debt, .window_us = window };
    return answer;
}

struct limiter_answer limiter_take_both(struct limiter *limiter, struct limiter_key group,
                                        struct limiter_key key, int64_t cost, int64_t now_us)
{
    if (limiter_take(limiter, key.text, key.len, key.bucket, 0, now_us).left >= cost) {
        struct limiter_answer answer =
            limiter_take(limiter, group.text, group.len, group.bucket, cost, now_us);
        if (!answer.allowed) return answer;
    }
    return limiter_take(limiter, key.text, key.len, key.bucket, cost, now_us);
}
