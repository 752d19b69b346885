/* hash: the one hash of keys in tables. SipHash-1-3 under a random key of this process, so that
 * clients cannot choose which keys collide. The value differs from process to process: never store
 * it. Any thread. */
#ifndef HASH_H
#define HASH_H
#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t len);
uint64_t hash_text(const char *text);
#endif
