#include "shared.h"
#include "clock.h"
#include "hash.h"
#include "mem.h"

enum { FIRST_SLOTS = 64 };

struct entry {
    struct entry *next; /* in the same slot */
    uint64_t hash;
    int64_t expires_ms; /* 0: never */
    struct value value; /* with a text of its own */
    size_t key_len;
    char key[];
};

struct shared {
    size_t count, nslots; /* nslots: a power of two */
    struct entry **slots;
};

static int64_t now_ms(void)
{
    return clock_now_us() / 1000;
}

static int is_expired(const struct entry *entry, int64_t now)
{
    return entry->expires_ms && entry->expires_ms <= now;
}

/* Where the key's entry is linked, or would be. */
static struct entry **find(const struct shared *shared, const char *key, size_t len, uint64_t hash)
{
    struct entry **at = &shared->slots[hash & (shared->nslots - 1)];
    while (*at &&
           ((*at)->hash != hash || (*at)->key_len != len || memcmp((*at)->key, key, len) != 0))
        at = &(*at)->next;
    return at;
}

static void remove_at(struct shared *shared, struct entry **at)
{
    struct entry *entry = *at;
    *at = entry->next;
    free(entry->value.text);
    free(entry);
    shared->count--;
}

static void remove_expired(struct shared *shared)
{
    int64_t now = now_ms();
    for (size_t i = 0; i < shared->nslots; i++)
        for (struct entry **at = &shared->slots[i]; *at;)
            if (is_expired(*at, now))
                remove_at(shared, at);
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

/* A full table first loses expired entries and grows only if there were few. */
static void make_room(struct shared *shared)
{
    if (shared->count < shared->nslots) return;
    remove_expired(shared);
    if (shared->count > shared->nslots / 2) resize(shared, shared->nslots * 2);
}

struct shared *shared_new(void)
{
    struct shared *shared = mem_new(1, sizeof *shared);
    resize(shared, FIRST_SLOTS);
    return shared;
}

void shared_free(struct shared *shared)
{
    if (!shared) return;
    for (size_t i = 0; i < shared->nslots; i++)
        while (shared->slots[i])
            remove_at(shared, &shared->slots[i]);
    free(shared->slots);
    free(shared);
}

struct value shared_get(struct shared *shared, const char *key, size_t key_len)
{
    struct entry **at = find(shared, key, key_len, hash_bytes(key, key_len));
    if (*at && !is_expired(*at, now_ms())) return (*at)->value;
    if (*at) remove_at(shared, at);
    return (struct value){ .type = VALUE_NONE };
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

void shared_set(struct shared *shared, const char *key, size_t key_len, struct value value,
                int64_t ttl_ms)
{
    uint64_t hash = hash_bytes(key, key_len);
    struct entry **at = find(shared, key, key_len, hash), *entry = *at;
    /* Copied before the old value is freed: it may be the same text. */
    value.text = value.type == VALUE_TEXT ? mem_copy(value.text, value.len) : NULL;
    if (entry && (value.type == VALUE_NONE || is_expired(entry, now_ms()))) {
        remove_at(shared, at);
        entry = NULL;
    }
    if (value.type == VALUE_NONE) return;
    if (!entry) entry = add(shared, key, key_len, hash);
    free(entry->value.text);
    entry->value = value;
    if (ttl_ms != SHARED_SAME_TTL) entry->expires_ms = ttl_ms > 0 ? now_ms() + ttl_ms : 0;
}

void shared_each(struct shared *shared, const char *prefix, size_t prefix_len,
                 void (*fn)(const char *key, size_t key_len, struct value value, void *arg),
                 void *arg)
{
    int64_t now = now_ms();
    for (size_t i = 0; i < shared->nslots; i++)
        for (struct entry *entry = shared->slots[i]; entry; entry = entry->next)
            if (!is_expired(entry, now) && entry->key_len >= prefix_len &&
                memcmp(entry->key, prefix, prefix_len) == 0)
                fn(entry->key, entry->key_len, entry->value, arg);
}
