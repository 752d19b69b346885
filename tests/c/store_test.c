#include "store_fixture.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

TEST_GROUP("store", FIXTURE);

TEST(values_survive)
{
    const char *sql[] = { "SELECT ? AS i, ? AS r, ? AS t, ? AS n, ? AS missing" };
    struct store_batch *batch = make_batch(1, sql);
    struct store_statement *s = &batch->statements[0];
    s->nargs = 4;
    s->args = mem_new(4, sizeof *s->args);
    s->args[0] = (struct value){ .type = VALUE_INTEGER, .integer = INT64_MIN };
    s->args[1] = (struct value){ .type = VALUE_NUMBER, .number = 0.1 };
    s->args[2] = (struct value){ .type = VALUE_TEXT, .text = mem_copy("a\0b", 3), .len = 3 };
    batch = run_batch(batch);
    s = &batch->statements[0];
    assert_null(batch->code);
    assert_int_equal(s->ncolumns, 5);
    assert_int_equal(s->nrows, 1);
    assert_string_equal(s->columns[0], "i");
    assert_true(s->values[0].type == VALUE_INTEGER && s->values[0].integer == INT64_MIN);
    assert_true(s->values[1].type == VALUE_NUMBER && s->values[1].number == 0.1);
    assert_true(s->values[2].type == VALUE_TEXT && s->values[2].len == 3 &&
                memcmp(s->values[2].text, "a\0b", 3) == 0);
    assert_true(s->values[3].type == VALUE_NONE && s->values[4].type == VALUE_NONE);
    store_batch_free(batch);
}

TEST(rows_and_changes)
{
    const char *sql[] = { "INSERT INTO names(name) VALUES('a'),('b'),('c')",
                          "UPDATE names SET size = 1 WHERE name > 'a'",
                          "SELECT name FROM names ORDER BY name",
                          "UPDATE names SET size = 2 WHERE name = 'x'",
                          "DELETE FROM names WHERE name = 'c' RETURNING name" };
    struct store_batch *batch = run_batch(make_batch(5, sql));
    assert_null(batch->code);
    assert_int_equal(batch->statements[0].changes, 3);
    assert_int_equal(batch->statements[1].changes, 2);
    assert_int_equal(batch->statements[2].nrows, 3);
    assert_int_equal(batch->statements[2].changes, 0);
    assert_string_equal(batch->statements[2].values[2].text, "c");
    assert_int_equal(batch->statements[3].changes, 0);
    assert_int_equal(batch->statements[4].nrows, 1);
    assert_int_equal(batch->statements[4].changes, 1);
    store_batch_free(batch);
}

TEST(codes)
{
    expect_code("SELEC 1", "invalid");
    expect_code("SELECT * FROM nothing", "invalid");
    expect_code("SELECT 1; SELECT 2", "invalid");
    expect_code("-- nothing", "invalid");
    expect_code("", "invalid");
    expect_code("SELECT \"no_such_column\"", "invalid");
    expect_code("INSERT INTO names(name) VALUES(NULL)", "conflict");
    expect_code("INSERT INTO tags(name_id, tag) VALUES(77, 'x')",
                "conflict"); /* foreign keys are on */
    expect_code("SELECT 1;  ", NULL);
}

TEST(scripts_cannot_touch_transactions_or_files)
{
    expect_code("INSERT INTO names(name) VALUES('before')", NULL);
    EACH (refused, "COMMIT", "ROLLBACK", "BEGIN", "SAVEPOINT x", "RELEASE batch",
          "ATTACH '/tmp/other.db' AS other", "PRAGMA synchronous = OFF",
          "PRAGMA journal_mode = DELETE", "VACUUM INTO '/tmp/other.db'")
        expect_code(refused, "invalid");
    assert_int_equal(number("SELECT count(*) FROM names"), 1);
    assert_int_equal(number("PRAGMA synchronous"), 2);
    assert_int_equal(number("PRAGMA foreign_keys"), 1);
}

TEST(too_many_arguments)
{
    const char *sql[] = { "SELECT ?" };
    struct store_batch *batch = make_batch(1, sql);
    batch->statements[0].nargs = 2;
    batch->statements[0].args = mem_new(2, sizeof(struct value));
    batch = run_batch(batch);
    assert_string_equal(batch->code, "invalid");
    store_batch_free(batch);
}

TEST(many_statements)
{
    char sql[64];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 200; i++) {
            snprintf(sql, sizeof sql, "SELECT %d", i);
            assert_int_equal(number(sql), i);
        }
}

TEST(columns_after_a_schema_change)
{
    expect_code("INSERT INTO names(name) VALUES('a')", NULL);
    expect_code("SELECT * FROM names", NULL);
    expect_code("ALTER TABLE names ADD COLUMN more TEXT", NULL);
    struct store_batch *batch = run("SELECT * FROM names");
    assert_int_equal(batch->statements[0].ncolumns, 4);
    store_batch_free(batch);
}

TEST(migrations)
{
    char *message = NULL;
    const char *bad[] = { schema[0], "CREATE TABLE one(a)", "CREATE TABLE two(b); CREATE TABL" };
    const char *good[] = { schema[0], "CREATE TABLE one(a)", "CREATE TABLE two(b)" };
    assert_int_equal(store_migrate(store, bad, 3, 3, &message), -1);
    assert_contains(message, "migration 3");
    free(message);
    assert_int_equal(store_migrate(store, good, 3, 3, &message), 0);
    assert_int_equal(number("SELECT count(*) FROM two"), 0);
    assert_int_equal(store_migrate(store, good, 3, 3, &message),
                     0); /* nothing to do: always fine */
    assert_int_equal(store_migrate(store, good, 2, 2, &message), -1);
    free(message);
}

TEST(migrations_only_at_start)
{
    char *message = NULL;
    const char *more[] = { schema[0], "CREATE TABLE one(a)" };
    expect_code("SELECT 1", NULL);
    assert_int_equal(store_migrate(store, more, 2, 2, &message), -1);
    assert_contains(message, "start");
    free(message);
}

TEST(newer_schema_is_refused)
{
    char *message = NULL;
    const char *more[] = { schema[0], "CREATE TABLE one(a)" };
    assert_int_equal(store_migrate(store, more, 2, 2, &message), 0);
    store_close(store);
    store = store_open(path, carry, loop, &message);
    assert_non_null(store);
    assert_int_equal(store_migrate(store, schema, 1, 1, &message), -1);
    assert_contains(message, "newer");
    free(message);
}

/* A rollback to the release before. */
TEST(newer_schema_that_supports_the_scripts)
{
    char *message = NULL;
    const char *more[] = { schema[0], "CREATE TABLE one(a)", "CREATE TABLE two(a)" };
    assert_int_equal(store_migrate(store, more, 3, 2, &message), 0);
    for (int again = 0; again < 2; again++) { /* the journal keeps its version */
        store_close(store);
        store = store_open(path, carry, loop, &message);
        assert_non_null(store);
        assert_int_equal(store_migrate(store, more, 2, 2, &message), 0);
        assert_int_equal(store_version(store), 3);
        expect_code("INSERT INTO two(a) VALUES(1)", NULL);
        assert_int_equal(store_migrate(store, more, 2, 2, &message), 0); /* a reload */
    }
    store_close(store);
    store = store_open(path, carry, loop, &message);
    assert_int_equal(store_migrate(store, schema, 1, 1, &message), -1);
    assert_contains(message, "newer");
    free(message);
}

TEST(data_is_kept)
{
    expect_code("INSERT INTO names(name) VALUES('kept')", NULL);
    store_close(store);
    must_open();
    assert_int_equal(number("SELECT count(*) FROM names WHERE name = 'kept'"), 1);
}

TEST(mode_0600)
{
    struct stat st;
    char other[128];
    expect_code("INSERT INTO names(name) VALUES('x')", NULL);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(other, sizeof other, "%s-wal", path);
    assert_int_equal(stat(other, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

TEST(opening_something_else)
{
    char *message = NULL, other[128];
    assert_null(store_open("/no/such/folder/journal.db", carry, loop, &message));
    assert_contains(message, "/no/such/folder");
    free(message);
    snprintf(other, sizeof other, "%s.other", path);
    FILE *file = fopen(other, "w");
    for (int i = 0; i < 2000; i++)
        fputs("this is not a database ", file);
    fclose(file);
    assert_null(store_open(other, carry, loop, &message));
    assert_contains(message, "not a database");
    free(message);
}

/* Closing commits what was started and calls the callbacks; a batch that one of them starts then
 * fails as "closed". */
static struct outcome late;
static void start_another(struct store_batch *batch, void *arg)
{
    const char *sql[] = { "SELECT 1" };
    assert_null(batch->code);
    store_batch_free(batch);
    outstanding++;
    store_start(store, make_batch(1, sql), on_done, &late);
}

TEST(close_finishes_batches)
{
    enum { N = 50 };
    static struct outcome outcomes[N];
    const char *sql[] = { "INSERT INTO names(name) VALUES(hex(randomblob(8)))" };
    for (int i = 0; i < N; i++)
        start(&outcomes[i], make_batch(1, sql));
    store_start(store, make_batch(1, sql), start_another, NULL);
    store_close(store);
    for (int i = 0; i < N; i++) {
        assert_non_null(outcomes[i].batch);
        assert_null(outcomes[i].batch->code);
        store_batch_free(outcomes[i].batch);
    }
    assert_string_equal(late.batch->code, "closed");
    store_batch_free(late.batch);
    outstanding = 0;
    must_open();
    assert_int_equal(number("SELECT count(*) FROM names"), N + 1);
}

/* A call that was carried to the loop and runs after the close does nothing. */
TEST(carried_call_after_close)
{
    struct outcome outcome;
    const char *sql[] = { "SELECT 1" };
    start(&outcome, make_batch(1, sql));
    usleep(50000); /* now it is in the loop's queue */
    store_close(store);
    store_batch_free(outcome.batch);
    must_open();
    assert_int_equal(number("SELECT 5"), 5);
}

static off_t size_of(const char *suffix)
{
    struct stat st;
    char name[128];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &st) == 0 ? st.st_size : 0;
}

static void on_tick(void *arg)
{
    int *left = arg;
    if (!store_trouble(store) || --*left == 0) loop_stop(loop);
}

TEST(full_disk_and_back)
{
    struct outcome outcomes[3];
    const char *big[] = { "INSERT INTO names(name) VALUES(hex(randomblob(200000)))" },
               *read[] = { "SELECT count(*) FROM names" };
    expect_code("INSERT INTO names(name) VALUES('before')", NULL);
    limit_files((rlim_t)size_of("-wal") + 8192);
    start(&outcomes[0], make_batch(1, big));
    start(&outcomes[1], make_batch(1, read));
    start(&outcomes[2], make_batch(1, big));
    loop_run(loop);
    assert_string_equal(outcomes[0].batch->code, "full");
    assert_null(outcomes[1].batch->code);
    assert_int_equal(outcomes[1].batch->statements[0].values[0].integer,
                     1); /* not the rows that were rolled back */
    assert_string_equal(outcomes[2].batch->code, "full");
    assert_string_equal(store_trouble(store), "full");
    for (int i = 0; i < 3; i++)
        store_batch_free(outcomes[i].batch);
    assert_int_equal(number("SELECT count(*) FROM names"), 1);
    limit_files(RLIM_INFINITY);
    expect_code(big[0], NULL);
    assert_null(store_trouble(store));
    assert_int_equal(number("SELECT count(*) FROM names"), 2);
    struct store_batch *batch = run("PRAGMA integrity_check");
    assert_string_equal(batch->statements[0].values[0].text, "ok");
    store_batch_free(batch);
}

TEST(trouble_ends_by_itself)
{
    int left = 100;
    expect_code("INSERT INTO names(name) VALUES('before')", NULL);
    limit_files(0);
    expect_code("INSERT INTO names(name) VALUES('after')", "full");
    assert_string_equal(store_trouble(store), "full");
    limit_files(RLIM_INFINITY);
    struct loop_timer *timer = loop_timer_new(loop, 50, 50, on_tick, &left);
    loop_run(loop);
    loop_timer_free(timer);
    assert_null(store_trouble(store));
}

/* Waits until writing works again by itself; a write then succeeds. */
static void expect_recovery(void)
{
    int left = 100;
    struct loop_timer *timer = loop_timer_new(loop, 50, 50, on_tick, &left);
    loop_run(loop);
    loop_timer_free(timer);
    assert_null(store_trouble(store));
    expect_code("INSERT INTO names(name) VALUES('after')", NULL);
    assert_int_equal(number("SELECT count(*) FROM names"), 2);
}

TEST(a_moved_file)
{
    char away[140];
    snprintf(away, sizeof away, "%s.away", path);
    expect_code("INSERT INTO names(name) VALUES('before')", NULL);
    assert_int_equal(rename(path, away), 0);
    expect_code("INSERT INTO names(name) VALUES('nowhere')", "missing");
    assert_string_equal(store_trouble(store), "missing");
    assert_int_equal(number("SELECT count(*) FROM names"), 1);
    assert_int_equal(close(open(path, O_WRONLY | O_CREAT, 0600)),
                     0); /* another file in its place does not count */
    expect_code("INSERT INTO names(name) VALUES('elsewhere')", "missing");
    assert_int_equal(rename(away, path), 0);
    expect_recovery();
}

TEST(a_removed_wal)
{
    char wal[140], shm[140];
    snprintf(wal, sizeof wal, "%s-wal", path);
    snprintf(shm, sizeof shm, "%s-shm", path);
    expect_code("INSERT INTO names(name) VALUES('before')", NULL);
    assert_int_equal(unlink(wal), 0);
    assert_int_equal(unlink(shm), 0);
    expect_code("INSERT INTO names(name) VALUES('nowhere')", "missing");
    expect_recovery();
    assert_int_equal(access(wal, F_OK), 0);
}

/* DEPLOYER_CRASH_AT: a child writes five names, one commit each, and ends at the given one. */
static int names_after_crash_at(const char *at)
{
    store_close(store);
    pid_t child = fork();
    if (child == 0) {
        setenv("DEPLOYER_CRASH_AT", at, 1);
        loop = loop_new();
        must_open();
        for (int i = 0; i < 5; i++) {
            run("SELECT count(*) FROM names"); /* reads do not count */
            run("INSERT INTO names(name) VALUES(hex(randomblob(8)))");
        }
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 137);
    must_open();
    return (int)number("SELECT count(*) FROM names");
}

TEST(crash_before)
{
    assert_int_equal(names_after_crash_at("3"), 2);
    assert_int_equal(names_after_crash_at("1:before"), 2);
}

TEST(crash_after)
{
    assert_int_equal(names_after_crash_at("3:after"), 3);
}

TEST(malformed_crash_point)
{
    char *message = NULL;
    store_close(store);
    setenv("DEPLOYER_CRASH_AT", "soon", 1);
    assert_null(store_open(path, carry, loop, &message));
    assert_contains(message, "DEPLOYER_CRASH_AT");
    free(message);
    unsetenv("DEPLOYER_CRASH_AT");
    must_open();
}
