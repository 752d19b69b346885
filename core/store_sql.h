/* store_sql: inside store, the connection. Used by one thread at a time. */
#ifndef STORE_SQL_H
#define STORE_SQL_H
#include "store.h"

struct store_sql;

/* A batch on its way: who asked, and what became of it. */
struct store_job {
    struct store_batch *batch;
    store_done_fn *done;
    void *arg;
    struct store_job *next;
    int ran, wrote, settled; /* in the transaction at hand; has run a statement that writes; its
                                answer is final */
};

/* store_batch.c */
/* What is taken from here on is result: store_batch_clear() gives it back. */
void store_batch_asked(struct store_batch *batch);
/* Ends the batch with a code and a sentence; results so far are dropped. */
void store_batch_fail(struct store_batch *batch, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void store_batch_clear(struct store_batch *batch);
char *store_sentence(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* store_sql.c */
struct store_sql *store_sql_open(const char *path, char **message);
void store_sql_close(struct store_sql *sql);
int store_sql_version(const struct store_sql *sql);
/* Whether scripts of schema n can work with the journal, newer as it is. */
int store_sql_is_for(const struct store_sql *sql, int n);
int store_sql_migrate(struct store_sql *sql, const char *const *migrations, int n, int oldest,
                      char **message);
/* Runs one word of our own: BEGIN, COMMIT... Returns NULL, or a code. */
const char *store_sql_do(struct store_sql *sql, const char *text);
/* What SQLite said last, in words. */
const char *store_sql_error(const struct store_sql *sql);
/* Runs the statements of a batch; on failure the batch has its code. Sets job->wrote. */
void store_sql_run(struct store_sql *sql, struct store_job *job);
int store_sql_in_transaction(const struct store_sql *sql);
/* 1 when the transaction at hand has written. */
int store_sql_has_written(const struct store_sql *sql);
/* "gone" when the file is no longer where it was opened: SQLite would go on writing where nobody
 * finds it again. Else NULL. */
const char *store_sql_gone(const struct store_sql *sql);
/* Tries to write a page, after making what room can be made. Returns NULL, or a code. */
const char *store_sql_probe(struct store_sql *sql);

/* store_round.c */
/* Runs all jobs and commits. `trouble` gets the code of the last failure of the disk, or NULL once
 * writing worked. */
void store_round(struct store_sql *sql, struct store_job *jobs, const char **trouble);
#ifdef TEST_HOOKS
/* Reads DEPLOYER_CRASH_AT and DEPLOYER_COMMIT_FD. 0, or -1 when the first is malformed. */
int store_hooks_init(void);
#endif
/* 1 when the code speaks of the disk, not of the batch. */
int store_is_trouble(const char *code);
#endif
