/* store_batch: statements that succeed or fail together, and their results.
 *
 * The caller fills a batch with heap memory (mem.h): the SQL, the arguments and their texts.
 * store_batch_free() frees those and the results. One thread at a time. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H
#include "value.h"

struct store_statement {
    char *sql;
    int nargs; /* parameters beyond these are NULL */
    struct value *args;
    int is_gate; /* if it returns no row and changes none, the batch ends here, successfully */
    /* The result: nrows * ncolumns values, row by row. */
    int ncolumns;
    char **columns;
    int64_t nrows;
    struct value *values;
    int64_t changes; /* rows changed by an INSERT, UPDATE or DELETE */
};

struct store_batch {
    int nstatements;
    struct store_statement *statements;
    /* NULL, or why the batch failed: "conflict" (a constraint), "invalid" (the SQL), "full" (the
     * disk), "readonly", "corrupt", "missing" (the file was moved or removed), "closed", "failed"
     */
    const char *code;
    char *message;

    /* The store's own. */
    void (*done)(struct store_batch *batch, void *arg);
    void *arg;
    struct store_batch *next;
    int has_run; /* in the current transaction */
    int writes;  /* ran a statement that may write */
    int is_settled;
};

struct store_batch *store_batch_new(int nstatements);
void store_batch_free(struct store_batch *batch);
/* Drops the results and the failure. */
void store_batch_clear(struct store_batch *batch);
/* Drops the results and sets a failure; `code` is a constant. */
void store_batch_fail(struct store_batch *batch, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Whether the failure is the disk's, so that it may concern other batches, too. */
int store_batch_is_disk_failure(const struct store_batch *batch);
#endif
