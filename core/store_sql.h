/* store_sql: the connection to the journal's SQLite database. Used by one thread at a time; every
 * function waits for the disk. */
#ifndef STORE_SQL_H
#define STORE_SQL_H
#include "store_batch.h"

struct store_sql;

/* Opens or creates the database with mode 0600. NULL and *message (the caller frees) on failure. */
struct store_sql *store_sql_open(const char *path, char **message);
void store_sql_close(struct store_sql *sql);
/* The version of the schema. */
int store_sql_version(const struct store_sql *sql);
/* Whether scripts for schema version `version` can work with this journal although it is newer. */
int store_sql_supports(const struct store_sql *sql, int version);
/* See store_migrate(). 0; or -1 and *message (the caller frees). */
int store_sql_migrate(struct store_sql *sql, const char *const *migrations, int count, int oldest,
                      char **message);
/* Runs a statement of the store itself, such as BEGIN or COMMIT. NULL, or a code of store_batch. */
const char *store_sql_do(struct store_sql *sql, const char *text);
/* SQLite's message for the last failure; valid until the next call. */
const char *store_sql_error(const struct store_sql *sql);
/* Runs the statements of a batch inside the current transaction. A failure is set in the batch. */
void store_sql_run(struct store_sql *sql, struct store_batch *batch);
int store_sql_in_transaction(const struct store_sql *sql);
/* Whether the current transaction has written. */
int store_sql_has_written(const struct store_sql *sql);
/* Whether the files were moved or removed: SQLite would keep writing to files that cannot be opened
 * again. */
int store_sql_is_missing(const struct store_sql *sql);
/* Checks that writing works, after freeing what space it can. NULL, or a code of store_batch. */
const char *store_sql_probe(struct store_sql *sql);

/* store_round.c: runs all batches of the list (by ->next) in one transaction with one commit, each
 * alone in a savepoint. On return each has its result or failure. *trouble: the code of the last
 * failure of the disk; NULL once writing worked. */
void store_round(struct store_sql *sql, struct store_batch *batches, const char **trouble);
/* Reads the environment of the test build. 0; or -1 and *message (the caller frees). */
int store_round_init(char **message);
#endif
