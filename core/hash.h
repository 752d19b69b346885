/* hash: the hash of keys in tables, and that of content. Any thread. */
#ifndef HASH_H
#define HASH_H
#include <stddef.h>
#include <stdint.h>

/* Of keys in tables: SipHash-1-3 under a random key of this process, so that clients cannot choose
 * which keys collide. The value differs from process to process: never store it. */
uint64_t hash_bytes(const void *data, size_t len);
uint64_t hash_text(const char *text);

/* The first `digits` (even, at most 64) hexadecimal digits of the SHA-256 and a NUL: equal content
 * has an equal one in every process. */
void hash_content(const void *data, size_t len, int digits, char *hex);
#endif
