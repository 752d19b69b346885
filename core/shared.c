#include "shared.h"
#include "clock.h"
#include "mem.h"
#include "random.h"

struct entry {
    struct entry *next;
    uint64_t hash;
    int64_t until_ms; /* 0: for ever */
    struct shared_value value;
    char *text;
    size_t key_len;
    char key[];
};

struct shared {
    uint64_t seed; /* keys come from strangers: they must not know who lands where */
    size_t count, nslots;
    struct entry **slots;
};

static int64_t now_ms(void)
{
    return clock_now_us() / 1000;
}

static int is_past(const struct entry *entry, int64_t now)
{
    return entry->until_ms && entry->until_ms <= now;
}

static uint64_t hash_of(const struct shared *shared, const char *key, size_t len)
{
    uint64_t hash = shared->seed;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)key[i]) * 1099511628211u;
    return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u >> 16;
}

/* Where the key's entry hangs, or would hang. */
static struct entry **find(const struct shared *shared, const char *key, size_t len, uint64_t hash)
{
    struct entry **at = &shared->slots[hash & (shared->nslots - 1)];
    while (*at &&
           ((*at)->hash != hash || (*at)->key_len != len || memcmp((*at)->key, key, len) != 0))
        at = &(*at)->next;
    return at;
}

static void drop(struct shared *shared, struct entry **at)
{
    struct entry *entry = *at;
    *at = entry->next;
    free(entry->text);
    free(entry);
    shared->count--;
}

static void drop_past(struct shared *shared)
{
    int64_t now = now_ms();
    for (size_t i = 0; i < shared->nslots; i++)
        for (struct entry **at = &shared->slots[i]; *at;)
            if (is_past(*at, now))
                drop(shared, at);
            else
                at = &(*at)->next;
}

static void resize(struct shared *shared, size_t nslots)
{
    struct entry **old = shared->slots;
    size_t nold = shared->nslots;
    shared->nslots = nslots;
    shared->slots = mem_new(nslots, sizeof *shared->slots);
    for (size_t i = 0; i < nold; i++)
        for (struct entry *entry = old[i], *next; entry; entry = next) {
            struct entry **slot = &shared->slots[entry->hash & (nslots - 1)];
            next = entry->next;
            entry->next = *slot;
            *slot = entry;
        }
    free(old);
}

/* A full table first loses what is past its time; only if that was little does it grow. */
static void make_room(struct shared *shared)
{
    if (shared->count < shared->nslots) return;
    drop_past(shared);
    if (shared->count > shared->nslots / 2) resize(shared, shared->nslots * 2);
}

struct shared *shared_new(void)
{
    struct shared *shared = mem_new(1, sizeof *shared);
    random_bytes(&shared->seed, sizeof shared->seed);
    resize(shared, 64);
    return shared;
}

void shared_free(struct shared *shared)
{
    if (!shared) return;
    for (size_t i = 0; i < shared->nslots; i++)
        while (shared->slots[i])
            drop(shared, &shared->slots[i]);
    free(shared->slots);
    free(shared);
}

struct shared_value shared_get(struct shared *shared, const char *key, size_t key_len)
{
    struct entry **at = find(shared, key, key_len, hash_of(shared, key, key_len));
    if (*at && !is_past(*at, now_ms())) return (*at)->value;
    if (*at) drop(shared, at);
    return (struct shared_value){ .type = SHARED_NONE };
}

static struct entry *add(struct shared *shared, const char *key, size_t key_len, uint64_t hash)
{
    struct entry *entry = mem_new(1, sizeof *entry + key_len);
    make_room(shared);
    struct entry **slot = &shared->slots[hash & (shared->nslots - 1)];
    entry->hash = hash;
    entry->key_len = key_len;
    memcpy(entry->key, key, key_len);
    entry->next = *slot;
    *slot = entry;
    shared->count++;
    return entry;
}

void shared_set(struct shared *shared, const char *key, size_t key_len, struct shared_value value,
                int64_t ttl_ms)
{
    uint64_t hash = hash_of(shared, key, key_len);
    struct entry **at = find(shared, key, key_len, hash), *entry = *at;
    if (entry && (value.type == SHARED_NONE || is_past(entry, now_ms())))
        drop(shared, at), entry = NULL;
    if (value.type == SHARED_NONE) return;
    char *text = value.type == SHARED_TEXT ? mem_copy(value.text, value.len)
                                           : NULL; /* before the old goes: it may be the same */
    if (!entry) entry = add(shared, key, key_len, hash);
    free(entry->text);
    entry->text = text;
    entry->value = value;
    entry->value.text = text;
    if (ttl_ms != SHARED_SAME_TTL) entry->until_ms = ttl_ms > 0 ? now_ms() + ttl_ms : 0;
}

void shared_each(struct shared *shared, const char *prefix, size_t prefix_len,
                 void (*fn)(const char *key, size_t key_len, struct shared_value value, void *arg),
                 void *arg)
{
    int64_t now = now_ms();
    for (size_t i = 0; i < shared->nslots; i++)
        for (struct entry *entry = shared->slots[i]; entry; entry = entry->next)
            if (!is_past(entry, now) && entry->key_len >= prefix_len &&
                memcmp(entry->key, prefix, prefix_len) == 0)
                fn(entry->key, entry->key_len, entry->value, arg);
}
