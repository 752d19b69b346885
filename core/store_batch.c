#include "store_sql.h"
#include "mem.h"
#include <stdarg.h>

struct store_batch *store_batch_new(int nstatements)
{
    struct arena arena = { NULL };
    struct store_batch *batch = memset(arena_take(&arena, sizeof *batch), 0, sizeof *batch);
    batch->arena = arena;
    batch->nstatements = nstatements;
    batch->statements = store_batch_take(batch, (size_t)nstatements, sizeof *batch->statements);
    return batch;
}

void *store_batch_take(struct store_batch *batch, size_t n, size_t size)
{
    mem_must(n > 0 && n * size / n != size ? NULL : batch);
    return memset(arena_take(&batch->arena, n * size), 0, n * size);
}

char *store_batch_text(struct store_batch *batch, const char *bytes, size_t len)
{
    return arena_copy(&batch->arena, bytes, len);
}

void store_batch_asked(struct store_batch *batch)
{
    batch->asked = arena_mark(&batch->arena);
}

void store_batch_clear(struct store_batch *batch)
{
    for (int i = 0; i < batch->nstatements; i++) {
        struct store_statement *s = &batch->statements[i];
        s->values = NULL;
        s->columns = NULL;
        s->nrows = s->changes = 0;
        s->ncolumns = 0;
    }
    batch->message = NULL;
    batch->code = NULL;
    arena_back(&batch->arena, batch->asked);
}

void store_batch_free(struct store_batch *batch)
{
    if (!batch) return;
    struct arena arena = batch->arena; /* it lies in there itself */
    arena_back(&arena, (struct arena_mark){ NULL, NULL });
}

enum { SENTENCE = 1024 };

char *store_sentence(const char *fmt, ...)
{
    char text[SENTENCE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return mem_text(text);
}

void store_batch_fail(struct store_batch *batch, const char *code, const char *fmt, ...)
{
    char text[SENTENCE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    store_batch_clear(batch);
    batch->code = code;
    batch->message = store_batch_text(batch, text, strlen(text));
}
