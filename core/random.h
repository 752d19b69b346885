/* random: the system's random bytes. They are fetched some at a time, because each asking is a
 * system call. On the loop's thread alone. */
#ifndef RANDOM_H
#define RANDOM_H
#include <stddef.h>

/* Fills `bytes`. Nobody gets the same twice, and none is kept here. A system that has none ends the
 * process. */
void random_bytes(void *bytes, size_t len);
#endif
