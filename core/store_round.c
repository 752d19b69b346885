/* One round: all that waited, in one transaction. Batches that fail are rare, so the first try
 * keeps no savepoints: they make SQLite copy each page that it changes. When one fails, all is run
 * again with a savepoint for each batch, so that it fails alone. */
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

int store_hooks_init(void)
{
    const char *text = getenv("DEPLOYER_CRASH_AT"), *fd = getenv("DEPLOYER_COMMIT_FD");
    memset(&hooks, 0, sizeof hooks);
    if (fd && *fd) hooks.fd = atoi(fd);
    if (!text || !*text) return 0;
    char *end;
    long n = strtol(text, &end, 10);
    if (n < 1 || n > INT_MAX ||
        (strcmp(end, "") != 0 && strcmp(end, ":before") != 0 && strcmp(end, ":after") != 0))
        return -1;
    hooks.at = (int)n;
    hooks.after = strcmp(end, ":after") == 0;
    return 0;
}

static void on_commit(int after)
{
    char byte;
    if (!after) hooks.commits++;
    if (hooks.at && hooks.commits == hooks.at && hooks.after == after) _exit(137);
    if (hooks.fd <= 0) return;
    dprintf(hooks.fd, "%d %s\n", hooks.commits, after ? "after" : "before");
    while (read(hooks.fd, &byte, 1) < 0 && errno == EINTR)
        ;
}
#else
static void on_commit(int after)
{
    (void)after;
}
#endif

int store_is_trouble(const char *code)
{
    return code && strcmp(code, "conflict") != 0 && strcmp(code, "invalid") != 0;
}

/* Returns 0; or -1 when the transaction cannot go on: SQLite has rolled it back, or the disk failed
 * in the middle of it, or there is no savepoint to go back to. */
static int run_job(struct store_sql *sql, struct store_job *job, int with_savepoint)
{
    job->ran = 1;
    job->wrote = 0;
    store_batch_clear(job->batch);
    if (with_savepoint) store_sql_do(sql, "SAVEPOINT batch");
    store_sql_run(sql, job);
    int lost = !store_sql_in_transaction(sql);
    if (lost && !job->batch->code)
        store_batch_fail(job->batch, "failed", "the transaction was lost");
    if (lost || store_is_trouble(job->batch->code)) return -1;
    if (!with_savepoint) return job->batch->code ? -1 : 0;
    if (job->batch->code) store_sql_do(sql, "ROLLBACK TO batch");
    store_sql_do(sql, "RELEASE batch");
    return 0;
}

/* Returns the job that broke the transaction, or NULL. */
static struct store_job *run_jobs(struct store_sql *sql, struct store_job *jobs,
                                  int with_savepoints)
{
    for (struct store_job *job = jobs; job; job = job->next)
        if (!job->settled && run_job(sql, job, with_savepoints) != 0) return job;
    return NULL;
}

static void settle(struct store_job *job, const char *code, const char *why)
{
    if (code) store_batch_fail(job->batch, code, "the journal could not be written: %s", why);
    job->settled = 1;
}

/* After a commit that failed: who wrote has failed too, even with a conflict, which may have been
 * with something that is now gone. Who only read is read again; but when nobody wrote, that would
 * not help. */
static void settle_failed(struct store_job *jobs, const char *code, const char *why)
{
    int writers = 0;
    for (struct store_job *job = jobs; job; job = job->next)
        writers += job->ran && job->wrote;
    for (struct store_job *job = jobs; job; job = job->next)
        if (!job->settled && (writers == 0 || job->wrote)) settle(job, code, why);
}

static void roll_back(struct store_sql *sql)
{
    if (store_sql_in_transaction(sql)) store_sql_do(sql, "ROLLBACK");
}

static const char *commit(struct store_sql *sql, int *written)
{
    *written = store_sql_has_written(sql);
    if (*written && store_sql_gone(sql)) return "gone";
    if (*written) on_commit(0);
    const char *code = store_sql_do(sql, "COMMIT");
    if (*written && !code) on_commit(1);
    return code;
}

/* One transaction. With savepoints it settles at least one job: all; or the one that broke it; or
 * those whose commit failed. Without, a batch that fails settles none. */
static void attempt(struct store_sql *sql, struct store_job *jobs, int with_savepoints,
                    const char **trouble)
{
    int written = 0;
    for (struct store_job *job = jobs; job; job = job->next)
        job->ran = 0;
    const char *code = store_sql_do(sql, "BEGIN");
    struct store_job *broken = code ? NULL : run_jobs(sql, jobs, with_savepoints);
    if (!code && !broken) code = commit(sql, &written);
    if (broken && !with_savepoints) {
        roll_back(sql);
    } else if (broken) {
        if (store_is_trouble(broken->batch->code)) *trouble = broken->batch->code;
        settle(broken, NULL, NULL);
        roll_back(sql);
    } else if (code) {
        char *why = mem_text(strcmp(code, "gone") == 0 ? "its file is not where it was"
                                                       : store_sql_error(sql));
        *trouble = code;
        roll_back(sql);
        settle_failed(jobs, code, why);
        free(why);
    } else {
        if (written) *trouble = NULL;
        for (struct store_job *job = jobs; job; job = job->next)
            settle(job, NULL, NULL);
    }
}

static int unsettled(const struct store_job *jobs)
{
    while (jobs && jobs->settled)
        jobs = jobs->next;
    return jobs != NULL;
}

void store_round(struct store_sql *sql, struct store_job *jobs, const char **trouble)
{
    attempt(sql, jobs, 0, trouble);
    while (unsettled(jobs))
        attempt(sql, jobs, 1, trouble);
}
