#include "store_sql.h"
#include "mem.h"
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#ifdef TEST_HOOKS
/* DEPLOYER_CRASH_AT=N[:before|:after] ends the process at the Nth commit. DEPLOYER_COMMIT_FD=FD
 * writes "N before\n" and "N after\n" there around every commit and each time waits for one byte
 * back, so that a test can copy the journal and the double as a crash would leave them. */
static struct {
    int at, after, commits, fd;
} hooks;

int store_round_init(char **message)
{
    const char *text = getenv("DEPLOYER_CRASH_AT"), *fd = getenv("DEPLOYER_COMMIT_FD");
    char *end;
    memset(&hooks, 0, sizeof hooks);
    if (fd && *fd) hooks.fd = atoi(fd);
    if (!text || !*text) return 0;
    long n = strtol(text, &end, 10);
    hooks.at = (int)n;
    hooks.after = strcmp(end, ":after") == 0;
    if (n >= 1 && n <= INT_MAX && (hooks.after || !*end || strcmp(end, ":before") == 0)) return 0;
    *message = mem_text("DEPLOYER_CRASH_AT must be N, N:before or N:after");
    return -1;
}

static void on_commit(int after)
{
    char byte;
    if (!after) hooks.commits++;
    if (hooks.at && hooks.commits == hooks.at && hooks.after == after) _exit(137);
    if (hooks.fd <= 0) return;
    dprintf(hooks.fd, "%d %s\n", hooks.commits, after ? "after" : "before");
    while (read(hooks.fd, &byte, 1) < 0 && errno == EINTR)
        continue;
}
#else
int store_round_init(char **message)
{
    return 0;
}

static void on_commit(int after) {}
#endif

/* Returns 0; or -1 when the transaction cannot continue: SQLite rolled it back, or the disk failed
 * in the middle of it. */
static int run_batch(struct store_sql *sql, struct store_batch *batch)
{
    store_batch_clear(batch);
    batch->has_run = 1;
    batch->writes = 0;
    store_sql_do(sql, "SAVEPOINT batch");
    store_sql_run(sql, batch);
    int is_lost = !store_sql_in_transaction(sql);
    if (is_lost && !batch->code)
        store_batch_fail(batch, "failed", "the statements ended the transaction");
    if (is_lost || store_batch_is_disk_failure(batch)) return -1;
    if (batch->code) store_sql_do(sql, "ROLLBACK TO batch");
    store_sql_do(sql, "RELEASE batch");
    return 0;
}

/* Returns the batch that broke the transaction, or NULL. */
static struct store_batch *run_batches(struct store_sql *sql, struct store_batch *batches)
{
    for (struct store_batch *batch = batches; batch; batch = batch->next)
        if (!batch->is_settled && run_batch(sql, batch) != 0) return batch;
    return NULL;
}

static void roll_back(struct store_sql *sql)
{
    if (store_sql_in_transaction(sql)) store_sql_do(sql, "ROLLBACK");
}

static const char *commit(struct store_sql *sql, const char **trouble)
{
    int writes = store_sql_has_written(sql);
    if (writes && store_sql_is_missing(sql)) return "missing";
    if (writes) on_commit(0);
    const char *code = store_sql_do(sql, "COMMIT");
    if (!writes || code) return code;
    on_commit(1);
    *trouble = NULL;
    return NULL;
}

/* After a failed commit the batches that wrote have failed, even those that failed by themselves:
 * a conflict may have been with rows that were rolled back. Batches that only read run again,
 * unless nobody wrote, when that would not help. */
static void fail_writers(struct store_batch *batches, const char *code, const char *reason)
{
    int has_writer = 0;
    for (struct store_batch *batch = batches; batch; batch = batch->next)
        has_writer |= batch->has_run && batch->writes;
    for (struct store_batch *batch = batches; batch; batch = batch->next) {
        if (batch->is_settled || (has_writer && !batch->writes)) continue;
        store_batch_fail(batch, code, "the journal could not be written: %s", reason);
        batch->is_settled = 1;
    }
}

/* One transaction. Settles at least one batch: the one that broke the transaction, or those whose
 * commit failed, or all. */
static void attempt(struct store_sql *sql, struct store_batch *batches, const char **trouble)
{
    struct store_batch *broken = NULL;
    for (struct store_batch *batch = batches; batch; batch = batch->next)
        batch->has_run = 0;
    const char *code = store_sql_do(sql, "BEGIN");
    if (!code) broken = run_batches(sql, batches);
    if (broken) {
        if (store_batch_is_disk_failure(broken)) *trouble = broken->code;
        broken->is_settled = 1;
        roll_back(sql);
        return;
    }
    if (!code) code = commit(sql, trouble);
    if (code) {
        int is_missing = strcmp(code, "missing") == 0;
        char *reason =
            mem_text(is_missing ? "its file was moved or removed" : store_sql_error(sql));
        *trouble = code;
        roll_back(sql);
        fail_writers(batches, code, reason);
        free(reason);
        return;
    }
    for (struct store_batch *batch = batches; batch; batch = batch->next)
        batch->is_settled = 1;
}

static int has_unsettled(const struct store_batch *batches)
{
    while (batches && batches->is_settled)
        batches = batches->next;
    return batches != NULL;
}

void store_round(struct store_sql *sql, struct store_batch *batches, const char **trouble)
{
    while (has_unsettled(batches))
        attempt(sql, batches, trouble);
}
