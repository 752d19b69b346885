/* fuzz: shared by all fuzz targets. A failed FUZZ_CHECK aborts the process, and libFuzzer keeps the
 * input. `make fuzz` builds and runs the targets from the top of the tree. */
#ifndef FUZZ_H
#define FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a target does once: FUZZ_START() { ... } */
#define FUZZ_START()                                                                               \
    static void fuzz_start(void);                                                                  \
    int LLVMFuzzerInitialize(int *argc, char ***argv)                                              \
    {                                                                                              \
        (void)argc, (void)argv;                                                                    \
        fuzz_start();                                                                              \
        return 0;                                                                                  \
    }                                                                                              \
    static void fuzz_start(void)

#define FUZZ_CHECK(what) ((what) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #what))

static inline void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this is not so: %s\n", file, line, what);
    abort();
}

/* A copy with a NUL behind it, of exactly that size, so that a sanitizer sees reads past it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    return text;
}
#endif
