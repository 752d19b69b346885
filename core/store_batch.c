#include "store_batch.h"
#include "mem.h"
#include <stdarg.h>

enum { MESSAGE_BYTES = 1024 };

struct store_batch *store_batch_new(int nstatements)
{
    struct store_batch *batch = mem_new(1, sizeof *batch);
    batch->nstatements = nstatements;
    batch->statements = mem_new((size_t)nstatements, sizeof *batch->statements);
    return batch;
}

static void free_values(struct value *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        free(values[i].text);
    free(values);
}

static void clear_statement(struct store_statement *statement)
{
    free_values(statement->values, statement->nrows * statement->ncolumns);
    for (int i = 0; i < statement->ncolumns; i++)
        free(statement->columns[i]);
    free(statement->columns);
    statement->values = NULL;
    statement->columns = NULL;
    statement->ncolumns = 0;
    statement->nrows = statement->changes = 0;
}

void store_batch_clear(struct store_batch *batch)
{
    for (int i = 0; i < batch->nstatements; i++)
        clear_statement(&batch->statements[i]);
    free(batch->message);
    batch->message = NULL;
    batch->code = NULL;
}

void store_batch_free(struct store_batch *batch)
{
    if (!batch) return;
    store_batch_clear(batch);
    for (int i = 0; i < batch->nstatements; i++) {
        free_values(batch->statements[i].args, batch->statements[i].nargs);
        free(batch->statements[i].sql);
    }
    free(batch->statements);
    free(batch);
}

void store_batch_fail(struct store_batch *batch, const char *code, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    store_batch_clear(batch);
    batch->code = code;
    batch->message = mem_text(message);
}

int store_batch_is_disk_failure(const struct store_batch *batch)
{
    return batch->code && strcmp(batch->code, "conflict") != 0 &&
           strcmp(batch->code, "invalid") != 0;
}
