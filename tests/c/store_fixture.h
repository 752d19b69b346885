/* A loop, a journal in a temporary folder, and batches that are run to their end. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H
#include "store.h"
#include "loop.h"
#include "mem.h"
#include "test.h"
#include <signal.h>
#include <sys/resource.h>

static struct loop *loop;
static struct store *store;
static char path[96];
static int outstanding;

static const char *const schema[] = {
    "CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, size REAL);"
    "CREATE TABLE tags(name_id INTEGER NOT NULL REFERENCES names(id), tag TEXT)"
};

/* What became of a batch, and the how-manyth it ended. */
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

/* A batch of these statements. */
#define BATCH(...)                                                                                 \
    make_batch(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *),                           \
               (const char *[]){ __VA_ARGS__ })
static struct store_batch *make_batch(int n, const char *const *sql)
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
    assert_null(outcome->batch); /* never called from store_start() */
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
    return run_batch(BATCH(sql));
}

/* Compares the code (NULL: success) and frees the batch. */
static void ends_with(struct store_batch *batch, const char *code)
{
    if (!code && batch->code) print_error("%s: %s\n", batch->code, batch->message);
    if (code)
        assert_string_equal(batch->code ? batch->code : "(none)", code);
    else
        assert_null(batch->code);
    assert_true(!code || (batch->message && batch->message[0]));
    store_batch_free(batch);
}

static __attribute__((unused)) void expect_code(const char *sql, const char *code)
{
    ends_with(run(sql), code);
}

static int64_t number(const char *sql)
{
    struct store_batch *batch = run(sql);
    assert_null(batch->code);
    assert_int_equal(batch->statements[0].nrows, 1);
    int64_t n = batch->statements[0].values[0].integer;
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

SET_UP()
{
    test_make_folder();
    snprintf(path, sizeof path, "%s", test_path("journal.db"));
    loop = loop_new();
    ended = outstanding = 0;
    must_open();
}

/* No file may grow beyond this size, as on a full disk. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit = { bytes, RLIM_INFINITY };
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEAR_DOWN()
{
    limit_files(RLIM_INFINITY); /* in case a test failed while it was low */
    store_close(store);
    store = NULL;
    loop_free(loop);
    test_remove_folder();
}
#endif
