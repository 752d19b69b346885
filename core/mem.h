/* mem: allocation that does not fail. A process that is out of memory says so and ends; the journal
 * brings its work back. Floor 0. */
#ifndef MEM_H
#define MEM_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *mem_must(void *p)
{
    if (p) return p;
    fputs("out of memory\n", stderr);
    abort();
}

static inline void *mem_grow(void *old, size_t n, size_t size)
{
    size_t bytes = n * size;
    return mem_must(n && bytes / n != size ? NULL : realloc(old, bytes > 0 ? bytes : 1));
}

/* n zeroed things of this size. Of a large block only what is used takes memory. */
static inline void *mem_new(size_t n, size_t size)
{
    return mem_must(calloc(n > 0 ? n : 1, size));
}

/* A copy with a NUL behind it. */
static inline char *mem_copy(const void *bytes, size_t len)
{
    char *copy = mem_grow(NULL, len + 1, 1);
    if (len) memcpy(copy, bytes, len);
    copy[len] = 0;
    return copy;
}

static inline char *mem_text(const char *text)
{
    return text ? mem_copy(text, strlen(text)) : NULL;
}
#endif
