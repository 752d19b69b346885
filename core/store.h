/* store: the journal, an SQLite database written by a thread of its own.
 *
 * Batches run in the order in which they were started. All that wait when the thread takes them
 * share one transaction and one commit (WAL, synchronous=FULL); each runs in a savepoint and fails
 * alone, but if the commit fails, all that wrote fail. A batch's callback comes after the commit,
 * so no answer is ever ahead of the disk. Reads are batches, too: they see every batch started
 * before.
 *
 * When the disk fails (full, read-only, the file moved or removed) batches that write fail with a
 * code that names the reason, and reads keep working; every batch, and once a second the thread
 * itself, tries to write again.
 *
 * The store knows no event loop: it gets a callback that runs a function on the caller's thread.
 * All functions are for that thread. Only one process may have a journal open: main holds a lock on
 * DATA_DIR.
 */
#ifndef STORE_H
#define STORE_H
#include "store_batch.h"

struct store;

/* Makes fn(arg) run on the thread that owns the callbacks; called from the store's thread. */
typedef void store_carry_fn(void *carry_arg, void (*fn)(void *arg), void *arg);
typedef void store_done_fn(struct store_batch *batch, void *arg);

/* Opens or creates the database (mode 0600) and starts the thread. NULL and *message (the caller
 * frees) on failure. Waits for the disk. */
struct store *store_open(const char *path, store_carry_fn *carry, void *carry_arg, char **message);
/* Brings the schema to version `count`: migrations[version - 1] each in a transaction of its own,
 * counted in user_version. `oldest`: the lowest version whose scripts can work with the new schema;
 * it is kept in the journal, so that after a rollback to an older release the newer journal is
 * accepted as it is. Returns 0; or -1 and *message (the caller frees) when a migration fails, the
 * journal is newer and does not support `count`, or there is something to do after a batch was
 * started. Waits for the disk. */
int store_migrate(struct store *store, const char *const *migrations, int count, int oldest,
                  char **message);
/* The version of the schema. */
int store_version(const struct store *store);
/* Starts the batch and owns it until `done(batch, arg)`, which is called exactly once, later, and
 * frees the batch. Does not wait. */
void store_start(struct store *store, struct store_batch *batch, store_done_fn *done, void *arg);
/* NULL while writing works; else the code of the last failure. */
const char *store_trouble(struct store *store);
/* Commits what was started, ends the thread and closes. Outstanding callbacks run before it
 * returns; a batch that they start fails as "closed". Not from inside a callback. Waits for the
 * disk. */
void store_close(struct store *store);
/* Copies the journal, even of a portal that is running, into a new file of mode 0600 and checks the
 * copy. Returns 0; or -1 and *message (the caller frees), and there is no new file. Needs no open
 * store; waits for the disk. */
int store_copy(const char *from_path, const char *to_path, char **message);
/* Makes what the journal `from` has revoked (tokens, invites, keys of owners) revoked in `to` too,
 * and removes the sessions and links of `to`. `from` may be missing. Sets how many tokens and
 * invites, and how many keys, it changed. 0; or -1 and *message (the caller frees). */
int store_carry_revocations(const char *to, const char *from, int *revoked, int *keys,
                            char **message);
#endif
