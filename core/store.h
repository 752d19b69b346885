/* store: SQLite on a thread of its own.
 *
 * A batch is a list of statements that succeed or fail together. Batches are run in the order in
 * which they were started; all that wait when the thread turns to them share one transaction and
 * one commit (WAL, synchronous=FULL). A batch's callback comes after that commit, so nothing that a
 * caller says can be ahead of the disk. Reads are batches too: they see every batch started before.
 * A batch that fails is rolled back alone (savepoint); if the commit fails, all batches in it fail.
 * The loop never waits. store knows no loop: it is handed a function that carries a call over to
 * the loop's thread. When the disk fails (full, read-only, the file taken away) the batches that
 * write fail with the code, those that read go on; writing is tried again by the next batch, and
 * once a second by itself. One process at a time, which main sees to.
 *
 * The test build (TEST_HOOKS, build/hooks/deployer) has crash points: DEPLOYER_CRASH_AT=N ends the
 * process with _exit(137) just before the Nth commit of batches that write anything, N:after just
 * after it, before any callback; DEPLOYER_COMMIT_FD is described in store_round.c. Migrations do
 * not count.
 */
#ifndef STORE_H
#define STORE_H
#include "mem_arena.h"
#include <stddef.h>
#include <stdint.h>

struct store;
enum store_type { STORE_NULL, STORE_INT, STORE_REAL, STORE_TEXT };
struct store_value {
    enum store_type type;
    union {
        int64_t i;
        double r;
        size_t len; /* of text */
    };
    char *text;
};

/* One statement of a batch and, afterwards, its result. */
struct store_statement {
    char *sql;
    int nargs; /* those that are missing at the end are NULL */
    struct store_value *args;
    int gate; /* 1: when it gives no row and changes none, the statements after it are not run; the
                 batch succeeds all the same */
    /* result: rows * columns values, row by row */
    int ncolumns;
    char **columns;
    int64_t nrows;
    struct store_value *values;
    int64_t changes; /* rows changed by an INSERT, UPDATE or DELETE */
};

struct store_batch {
    int nstatements;
    struct store_statement *statements;
    /* result: NULL, or one of the words: "conflict" (a constraint), "full" (no room on the disk),
     * "readonly", "corrupt", "gone" (the file was taken away), "invalid" (the SQL), "closed",
     * "failed" */
    const char *code;
    char *message;
    /* store's */
    struct arena arena;      /* all that hangs on the batch, and itself */
    struct arena_mark asked; /* where it stood before there was a result */
};

/* Carries `fn(arg)` over to the thread that owns the callbacks; loop_post() with a loop bound to
 * it. */
typedef void store_carry_fn(void *carry_arg, void (*fn)(void *arg), void *arg);
typedef void store_done_fn(struct store_batch *batch, void *arg);

/* Opens (creates, mode 0600) the database and starts the thread. NULL and *message (caller frees)
 * on failure. Waits for the disk: only at start. */
struct store *store_open(const char *path, store_carry_fn *carry, void *carry_arg, char **message);
/* A whole, checked copy of the journal into a new file of mode 0600, also while a portal works in
 * it. Needs no store; waits for the disk. 0; or -1 and *message (caller frees). */
int store_copy(const char *from_path, const char *to_path, char **message);
/* Brings the schema to migrations[n-1], each in a transaction of its own, counted in user_version.
 * `oldest` is the lowest version whose scripts can work with the one that is reached; it is kept in
 * the journal, so that a release to which somebody goes back knows: a newer journal is left as it
 * is then. Returns 0; -1 and *message (caller frees) when one fails, the file is newer than n and
 * not for n, or there is something to do and a batch was started already. Waits for the disk: only
 * at start. */
int store_migrate(struct store *store, const char *const *migrations, int n, int oldest,
                  char **message);
/* The version of the schema. */
int store_version(const struct store *store);

/* With room for so many statements, to be filled with what store_batch_take() and
 * store_batch_text() give. */
struct store_batch *store_batch_new(int nstatements);
/* Memory that lives as long as the batch: zeroed; a copy with a NUL behind it. Before the batch is
 * started. */
void *store_batch_take(struct store_batch *batch, size_t n, size_t size);
char *store_batch_text(struct store_batch *batch, const char *bytes, size_t len);
void store_batch_free(struct store_batch *batch);
/* Starts the batch; `done(batch, arg)` is called exactly once, on the loop, later; the callback
 * owns the batch from then on and frees it.
 */
void store_start(struct store *store, struct store_batch *batch, store_done_fn *done, void *arg);
/* NULL while writing works; else why the last commit failed, as a code of store_batch. Loop thread.
 */
const char *store_trouble(struct store *store);
/* Commits what was started, ends the thread, closes. Callbacks that are still to come come before
 * it returns, on this thread; a batch that they start ends as "closed". Not from inside a callback
 * of the store. */
void store_close(struct store *store);
#endif
