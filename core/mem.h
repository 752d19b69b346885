/* mem: allocation that never fails. A process out of memory says so and aborts; its unfinished work
 * continues from the journal at the next start. Callers free with free(). Any thread. */
#ifndef MEM_H
#define MEM_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns `memory`; aborts when it is NULL. */
static inline void *mem_must(void *memory)
{
    if (memory) return memory;
    fputs("out of memory\n", stderr);
    abort();
}

/* Resizes `old` (NULL: allocates) to `count` elements of `size` bytes; new bytes are not zeroed. */
static inline void *mem_grow(void *old, size_t count, size_t size)
{
    size_t total = count * size;
    int overflows = count > 0 && total / count != size;
    return mem_must(overflows ? NULL : realloc(old, total > 0 ? total : 1));
}

/* `count` zeroed elements of `size` bytes. */
static inline void *mem_new(size_t count, size_t size)
{
    return mem_must(calloc(count > 0 ? count : 1, size));
}

/* A copy of `len` bytes, followed by a NUL. */
static inline char *mem_copy(const void *bytes, size_t len)
{
    char *copy = mem_grow(NULL, len + 1, 1);
    if (len > 0) memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

/* A copy of a string; NULL for NULL. */
static inline char *mem_text(const char *text)
{
    return text ? mem_copy(text, strlen(text)) : NULL;
}

/* A new formatted string. */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
#endif
