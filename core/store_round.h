/* store_round: runs the batches that are waiting in one transaction with one commit. */
#ifndef STORE_ROUND_H
#define STORE_ROUND_H
#include "store_sql.h"

/* Runs all batches of the list (by ->next), each alone in a savepoint, and commits. On return each
 * has its result or failure. *trouble: the code of the last failure of the disk; NULL once writing
 * worked. Waits for the disk. */
void store_round(struct store_sql *sql, struct store_batch *batches, const char **trouble);
/* Reads the environment of the test build. 0; or -1 and *message (the caller frees). */
int store_round_init(char **message);
#endif
