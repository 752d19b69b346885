/* random: the system's random bytes, fetched in blocks of 1 KiB because each fetch is a system
 * call. On the loop's thread. */
#ifndef RANDOM_H
#define RANDOM_H
#include <stddef.h>

/* Fills `bytes` with random bytes that are given out once and not kept here. Ends the process when
 * the system has none. */
void random_bytes(void *bytes, size_t len);
#endif
