/* fuzz: what all fuzz targets share. A target gets bytes and looks what becomes of them; what must
 * not be ends the process, and the bytes are kept. `make fuzz` builds and runs them from the top of
 * the tree. */
#ifndef FUZZ_H
#define FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(what) ((what) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #what))

static inline void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this is not so: %s\n", file, line, what);
    abort();
}

/* A copy with a NUL behind it, of exactly that size, so that a look beyond it is noticed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (size) memcpy(text, data, size);
    text[size] = '\0';
    return text;
}
#endif
