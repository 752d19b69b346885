/* random: the system's random bytes. Any thread. */
#ifndef RANDOM_H
#define RANDOM_H
#include <stddef.h>

/* Fills `bytes`. Aborts when the system has no random numbers. */
void random_bytes(void *bytes, size_t len);
#endif
