/* store_fixture: for store's tests. A loop, a journal in a folder of its own, and batches that are
 * run to their end. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H
#include "store.h"
#include "loop.h"
#include "mem.h"
#include "test.h"
#include <sys/resource.h>

static struct loop *loop;
static struct store *store;
static char folder[64], path[96];
static int outstanding;

static const char *const schema[] = {
    "CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, size REAL);"
    "CREATE TABLE tags(name_id INTEGER NOT NULL REFERENCES names(id), tag TEXT)"
};

/* A batch under construction, and what became of it. */
struct outcome {
    struct store_batch *batch;
    int order;
};
static int ended;

static void on_done(struct store_batch *batch, void *arg)
{
    struct outcome *outcome = arg;
    outcome->batch = batch;
    outcome->order = ++ended;
    if (--outstanding == 0) loop_stop(loop);
}

static void carry(void *arg, void (*fn)(void *arg), void *fn_arg)
{
    loop_post(arg, fn, fn_arg);
}

static struct store_batch *batch_of(int n, const char *const *sql)
{
    struct store_batch *batch = store_batch_new(n);
    for (int i = 0; i < n; i++)
        batch->statements[i].sql = mem_text(sql[i]);
    return batch;
}

static void start(struct outcome *outcome, struct store_batch *batch)
{
    outcome->batch = NULL;
    outstanding++;
    store_start(store, batch, on_done, outcome);
    assert_null(outcome->batch); /* never at once */
}

static struct store_batch *run_batch(struct store_batch *batch)
{
    struct outcome outcome;
    start(&outcome, batch);
    loop_run(loop);
    return outcome.batch;
}

static struct store_batch *run(const char *sql)
{
    return run_batch(batch_of(1, &sql));
}

static __attribute__((unused)) void expect_code(const char *sql, const char *code)
{
    struct store_batch *batch = run(sql);
    if (!code && batch->code) print_error("%s: %s\n", batch->code, batch->message);
    if (code)
        assert_string_equal(batch->code ? batch->code : "(none)", code);
    else
        assert_null(batch->code);
    assert_true(!code || (batch->message && batch->message[0]));
    store_batch_free(batch);
}

static int64_t number(const char *sql)
{
    struct store_batch *batch = run(sql);
    assert_null(batch->code);
    assert_int_equal(batch->statements[0].nrows, 1);
    int64_t n = batch->statements[0].values[0].i;
    store_batch_free(batch);
    return n;
}

static void must_open(void)
{
    char *message = NULL;
    store = store_open(path, carry, loop, &message);
    if (!store) print_error("%s\n", message);
    assert_non_null(store);
    assert_int_equal(store_migrate(store, schema, 1, 1, &message), 0);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/store_test.XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/journal.db", folder);
    loop = loop_new();
    ended = outstanding = 0;
    must_open();
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    setrlimit(RLIMIT_FSIZE,
              &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }); /* if a test left it low */
    store_close(store);
    store = NULL;
    loop_free(loop);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}
#endif
