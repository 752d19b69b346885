#include "store_sql.h"
#include "mem.h"
#include <stdarg.h>

struct store_batch *store_batch_new(int nstatements)
{
    struct store_batch *batch = mem_new(1, sizeof *batch);
    batch->nstatements = nstatements;
    batch->statements = mem_new((size_t)nstatements, sizeof *batch->statements);
    return batch;
}

static void free_values(struct store_value *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        free(values[i].text);
    free(values);
}

static void clear_result(struct store_statement *s)
{
    free_values(s->values, s->nrows * s->ncolumns);
    for (int i = 0; i < s->ncolumns; i++)
        free(s->columns[i]);
    free(s->columns);
    s->values = NULL;
    s->columns = NULL;
    s->nrows = s->changes = 0;
    s->ncolumns = 0;
}

void store_batch_clear(struct store_batch *batch)
{
    for (int i = 0; i < batch->nstatements; i++)
        clear_result(&batch->statements[i]);
    free(batch->message);
    batch->message = NULL;
    batch->code = NULL;
}

void store_batch_free(struct store_batch *batch)
{
    if (!batch) return;
    store_batch_clear(batch);
    for (int i = 0; i < batch->nstatements; i++) {
        free(batch->statements[i].sql);
        free_values(batch->statements[i].args, batch->statements[i].nargs);
    }
    free(batch->statements);
    free(batch);
}

static char *sentence(const char *fmt, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, fmt, args);
    return mem_text(text);
}

char *store_sentence(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = sentence(fmt, args);
    va_end(args);
    return text;
}

void store_batch_fail(struct store_batch *batch, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *message = sentence(fmt, args);
    va_end(args);
    store_batch_clear(batch);
    batch->code = code;
    batch->message = message;
}
