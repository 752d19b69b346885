#include "store_fixture.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

TEST_GROUP("store", FIXTURE);

TEST(values_survive)
{
    struct store_batch *batch = BATCH("SELECT ? AS i, ? AS r, ? AS t, ? AS n, ? AS missing");
    struct store_statement *s = &batch->statements[0];
    s->nargs = 4;
    s->args = mem_new(4, sizeof *s->args);
    s->args[0] = (struct value){ .type = VALUE_INTEGER, .integer = INT64_MIN };
    s->args[1] = (struct value){ .type = VALUE_NUMBER, .number = 0.1 };
    s->args[2] = (struct value){ .type = VALUE_TEXT, .text = mem_copy("a\0b", 3), .len = 3 };
    batch = run_batch(batch);
    s = &batch->statements[0];
    assert_int_equal(s->ncolumns, 5);
    assert_int_equal(s->nrows, 1);
    assert_string_equal(s->columns[0], "i");
    assert_true(s->values[0].type == VALUE_INTEGER && s->values[0].integer == INT64_MIN);
    assert_true(s->values[1].type == VALUE_NUMBER && s->values[1].number == 0.1);
    assert_true(s->values[2].type == VALUE_TEXT && s->values[2].len == 3 &&
                memcmp(s->values[2].text, "a\0b", 3) == 0);
    assert_true(s->values[3].type == VALUE_NONE && s->values[4].type == VALUE_NONE);
    ends_with(batch, NULL);
}

TEST(rows_and_changes)
{
    static const int changes[] = { 3, 2, 0, 0, 1 }, rows[] = { 0, 0, 3, 0, 1 };
    struct store_batch *batch = run_batch(
        BATCH("INSERT INTO names(name) VALUES('a'),('b'),('c')",
              "UPDATE names SET size = 1 WHERE name > 'a'", "SELECT name FROM names ORDER BY name",
              "UPDATE names SET size = 2 WHERE name = 'x'",
              "DELETE FROM names WHERE name = 'c' RETURNING name"));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(batch->statements[i].changes, changes[i]);
        assert_int_equal(batch->statements[i].nrows, rows[i]);
    }
    assert_string_equal(batch->statements[2].values[2].text, "c");
    ends_with(batch, NULL);
}

TEST(codes)
{
    EACH (invalid, "SELEC 1", "SELECT * FROM nothing", "SELECT 1; SELECT 2", "-- nothing", "",
          "SELECT \"no_such_column\"")
        expect_code(invalid, "invalid");
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
    struct store_batch *batch = BATCH("SELECT ?");
    batch->statements[0].nargs = 2;
    batch->statements[0].args = mem_new(2, sizeof(struct value));
    ends_with(run_batch(batch), "invalid");
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

TEST(only_migrations_change_the_schema)
{
    static const char *const refused[] = {
        "CREATE TABLE more(a)",
        "CREATE TEMP TRIGGER t AFTER INSERT ON names BEGIN SELECT 1; END",
        "CREATE INDEX more ON names(name)",
        "DROP TABLE names",
        "ALTER TABLE names RENAME TO others",
        "DELETE FROM sqlite_master",
        "REINDEX",
        "ANALYZE",
    };
    assert_int_equal(number("SELECT sum(value) FROM json_each('[1, 2]')"), 3);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        expect_code(refused[i], "invalid");
    assert_int_equal(number("SELECT count(*) FROM names"), 0);
}

static char *message;

static void migrates(const char *const *list, int n, int supported)
{
    assert_int_equal(store_migrate(store, list, n, supported, &message), 0);
}

static void cannot_migrate(const char *const *list, int n, const char *why)
{
    assert_int_equal(store_migrate(store, list, n, n, &message), -1);
    assert_contains(message, why);
    free(message);
}

static void cannot_open(const char *file, const char *why)
{
    assert_null(store_open(file, carry, loop, &message));
    assert_contains(message, why);
    free(message);
}

static void reopen(void)
{
    store_close(store);
    store = store_open(path, carry, loop, &message);
    assert_non_null(store);
}

TEST(migrations)
{
    const char *bad[] = { schema[0], "CREATE TABLE one(a)", "CREATE TABLE two(b); CREATE TABL" };
    const char *good[] = { schema[0], "CREATE TABLE one(a)", "CREATE TABLE two(b)" };
    cannot_migrate(bad, 3, "migration 3");
    migrates(good, 3, 3);
    assert_int_equal(number("SELECT count(*) FROM two"), 0);
    migrates(good, 3, 3); /* nothing to do: always fine */
    cannot_migrate(good, 2, "");
}

TEST(migrations_only_at_start)
{
    const char *more[] = { schema[0], "CREATE TABLE one(a)" };
    expect_code("SELECT 1", NULL);
    cannot_migrate(more, 2, "start");
}

TEST(newer_schema_is_refused)
{
    const char *more[] = { schema[0], "CREATE TABLE one(a)" };
    migrates(more, 2, 2);
    reopen();
    cannot_migrate(schema, 1, "newer");
}

/* A rollback to the release before. */
TEST(newer_schema_that_supports_the_scripts)
{
    const char *more[] = { schema[0], "CREATE TABLE one(a)", "CREATE TABLE two(a)" };
    migrates(more, 3, 2);
    for (int again = 0; again < 2; again++) { /* the journal keeps its version */
        reopen();
        migrates(more, 2, 2);
        assert_int_equal(store_version(store), 3);
        expect_code("INSERT INTO two(a) VALUES(1)", NULL);
        migrates(more, 2, 2); /* a reload */
    }
    reopen();
    cannot_migrate(schema, 1, "newer");
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
    expect_code("INSERT INTO names(name) VALUES('x')", NULL);
    EACH (name, "journal.db", "journal.db-wal") {
        assert_int_equal(stat(test_path(name), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

TEST(opening_something_else)
{
    char text[40000];
    memset(text, 'x', sizeof text);
    test_write_bytes("other.db", text, sizeof text);
    cannot_open("/no/such/folder/journal.db", "/no/such/folder");
    cannot_open(test_path("other.db"), "not a database");
}

/* Closing commits what was started and calls the callbacks; a batch that one of them starts then
 * fails as "closed". */
static struct outcome late;
static void start_another(struct store_batch *batch, void *arg)
{
    ends_with(batch, NULL);
    outstanding++;
    store_start(store, BATCH("SELECT 1"), on_done, &late);
}

TEST(close_finishes_batches)
{
    enum { N = 50 };
    static struct outcome outcomes[N];
    const char *sql = "INSERT INTO names(name) VALUES(hex(randomblob(8)))";
    for (int i = 0; i < N; i++)
        start(&outcomes[i], BATCH(sql));
    store_start(store, BATCH(sql), start_another, NULL);
    store_close(store);
    for (int i = 0; i < N; i++) {
        assert_non_null(outcomes[i].batch);
        ends_with(outcomes[i].batch, NULL);
    }
    ends_with(late.batch, "closed");
    outstanding = 0;
    must_open();
    assert_int_equal(number("SELECT count(*) FROM names"), N + 1);
}

/* A call that was carried to the loop and runs after the close does nothing. */
TEST(carried_call_after_close)
{
    struct outcome outcome;
    start(&outcome, BATCH("SELECT 1"));
    usleep(50000); /* now it is in the loop's queue */
    store_close(store);
    store_batch_free(outcome.batch);
    must_open();
    assert_int_equal(number("SELECT 5"), 5);
}

static void on_tick(void *arg)
{
    int *left = arg;
    if (!store_trouble(store) || --*left == 0) loop_stop(loop);
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

TEST(full_disk_and_back)
{
    struct outcome outcomes[3];
    struct stat wal;
    const char *big = "INSERT INTO names(name) VALUES(hex(randomblob(200000)))";
    expect_code("INSERT INTO names(name) VALUES('before')", NULL);
    assert_int_equal(stat(test_path("journal.db-wal"), &wal), 0);
    limit_files((rlim_t)wal.st_size + 8192);
    start(&outcomes[0], BATCH(big));
    start(&outcomes[1], BATCH("SELECT count(*) FROM names"));
    start(&outcomes[2], BATCH(big));
    loop_run(loop);
    /* Not the rows that were rolled back. */
    assert_int_equal(outcomes[1].batch->statements[0].values[0].integer, 1);
    assert_string_equal(store_trouble(store), "full");
    for (int i = 0; i < 3; i++)
        ends_with(outcomes[i].batch, i == 1 ? NULL : "full");
    assert_int_equal(number("SELECT count(*) FROM names"), 1);
    limit_files(RLIM_INFINITY);
    expect_code(big, NULL);
    assert_null(store_trouble(store));
    assert_int_equal(number("SELECT count(*) FROM names"), 2);
    struct store_batch *batch = run("PRAGMA integrity_check");
    assert_string_equal(batch->statements[0].values[0].text, "ok");
    store_batch_free(batch);
}

TEST(trouble_ends_by_itself)
{
    expect_code("INSERT INTO names(name) VALUES('before')", NULL);
    limit_files(0);
    expect_code("INSERT INTO names(name) VALUES('after')", "full");
    assert_string_equal(store_trouble(store), "full");
    limit_files(RLIM_INFINITY);
    expect_recovery();
}

TEST(a_moved_file)
{
    const char *away = test_path("away");
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
    expect_code("INSERT INTO names(name) VALUES('before')", NULL);
    assert_int_equal(unlink(test_path("journal.db-wal")), 0);
    assert_int_equal(unlink(test_path("journal.db-shm")), 0);
    expect_code("INSERT INTO names(name) VALUES('nowhere')", "missing");
    expect_recovery();
    assert_int_equal(access(test_path("journal.db-wal"), F_OK), 0);
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

TEST(crash_before_and_after)
{
    assert_int_equal(names_after_crash_at("3"), 2);
    assert_int_equal(names_after_crash_at("1:before"), 2);
    assert_int_equal(names_after_crash_at("3:after"), 2 + 3);
}

TEST(malformed_crash_point)
{
    store_close(store);
    setenv("DEPLOYER_CRASH_AT", "soon", 1);
    cannot_open(path, "DEPLOYER_CRASH_AT");
    unsetenv("DEPLOYER_CRASH_AT");
    must_open();
}
