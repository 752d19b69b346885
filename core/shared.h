/* shared: a table of keys and values in C, so that it survives a reload of the scripts: name
 * reservations, the breaker, counters. It does not outlive the process; what must, is in the store.
 * Keys and texts may hold any bytes. Main thread. */
#ifndef SHARED_H
#define SHARED_H
#include "value.h"

struct shared;

struct shared *shared_new(void);
void shared_free(struct shared *shared);
/* The value; type VALUE_NONE when it is absent or expired. Its text is valid until the key
 * changes. */
struct value shared_get(struct shared *shared, const char *key, size_t key_len);
/* Sets; VALUE_NONE deletes. ttl_ms 0: never expires; SHARED_SAME_TTL: expires when the present
 * value would, never if there is none. */
enum { SHARED_SAME_TTL = -1 };
void shared_set(struct shared *shared, const char *key, size_t key_len, struct value value,
                int64_t ttl_ms);
/* Calls fn for each live key with this prefix, in no order; fn must not change the table. */
void shared_each(struct shared *shared, const char *prefix, size_t prefix_len,
                 void (*fn)(const char *key, size_t key_len, struct value value, void *arg),
                 void *arg);
#endif
