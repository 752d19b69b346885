/* Batches beside each other: one transaction, and each fails or succeeds alone. */
#include "store_fixture.h"

static void test_all_or_none_and_the_others_unharmed(void **state)
{
    (void)state;
    const char *good[] = { "INSERT INTO names(name) VALUES('one')" };
    const char *bad[] = { "INSERT INTO names(name) VALUES('two')",
                          "INSERT INTO names(name) VALUES('one')" };
    const char *last[] = { "INSERT INTO names(name) VALUES('three')" };
    struct outcome outcomes[3];
    start(&outcomes[0], batch_of(1, good));
    start(&outcomes[1], batch_of(2, bad));
    start(&outcomes[2], batch_of(1, last));
    loop_run(loop);
    assert_null(outcomes[0].batch->code);
    assert_string_equal(outcomes[1].batch->code, "conflict");
    assert_null(outcomes[2].batch->code);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outcomes[i].order, i + 1);
        store_batch_free(outcomes[i].batch);
    }
    assert_int_equal(number("SELECT count(*) FROM names"), 2);
    assert_int_equal(number("SELECT count(*) FROM names WHERE name = 'two'"), 0);
}

static void test_a_shut_gate_ends_its_batch_well(void **state)
{
    (void)state;
    const char *sql[] = { "SELECT 1 WHERE 1 > 2", "INSERT INTO names(name) VALUES('behind')" };
    struct store_batch *batch = batch_of(2, sql);
    batch->statements[0].is_gate = 1;
    batch = run_batch(batch);
    assert_null(batch->code);
    assert_int_equal(batch->statements[1].changes, 0);
    store_batch_free(batch);
    assert_int_equal(number("SELECT count(*) FROM names"), 0);

    const char *open_by[] = { "SELECT 1", "INSERT INTO names(name) VALUES('a')",
                              "UPDATE names SET size = 1",
                              "UPDATE names SET size = 2 WHERE name = 'x'" };
    for (int i = 0; i < 4; i++) {
        const char *both[] = { open_by[i], "INSERT INTO tags SELECT id, 'seen' FROM names" };
        batch = batch_of(2, both);
        batch->statements[0].is_gate = 1;
        batch = run_batch(batch);
        assert_null(batch->code);
        store_batch_free(batch);
    }
    assert_int_equal(
        number("SELECT count(*) FROM tags"),
        2); /* a row that was made, and one that was changed, open it; what found none does not */
}

/* A batch that fails makes the others of its round run again: each of them counts once all the
 * same. */
static void test_many_of_a_round_fail_and_the_rest_counts_once(void **state)
{
    enum { N = 60 };
    (void)state;
    static struct outcome outcomes[N];
    char text[N][64];
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "INSERT INTO names(name) VALUES('name-%d')", i % 20);
        const char *sql[] = { text[i] };
        start(&outcomes[i], batch_of(1, sql));
    }
    loop_run(loop);
    for (int i = 0; i < N; i++) {
        if (i < 20)
            assert_null(outcomes[i].batch->code);
        else
            assert_string_equal(outcomes[i].batch->code, "conflict");
        assert_int_equal(outcomes[i].order, i + 1);
        store_batch_free(outcomes[i].batch);
    }
    assert_int_equal(number("SELECT count(*) FROM names"), 20);
}

static void test_a_read_sees_what_was_started_before(void **state)
{
    (void)state;
    enum { N = 200 };
    static struct outcome writes[N], reads[N];
    const char *write[] = { "INSERT INTO names(name) VALUES(hex(randomblob(8)))" },
               *read[] = { "SELECT count(*) FROM names" };
    for (int i = 0; i < N; i++) {
        start(&writes[i], batch_of(1, write));
        start(&reads[i], batch_of(1, read));
    }
    loop_run(loop);
    for (int i = 0; i < N; i++) {
        assert_null(writes[i].batch->code);
        assert_int_equal(reads[i].batch->statements[0].values[0].i, i + 1);
        assert_true(writes[i].order < reads[i].order);
        store_batch_free(writes[i].batch);
        store_batch_free(reads[i].batch);
    }
}

/* An ON CONFLICT ROLLBACK takes the whole transaction with it; the others of the round must not
 * notice. */
static void test_a_batch_that_breaks_the_transaction(void **state)
{
    (void)state;
    struct outcome outcomes[3];
    const char *one[] = { "INSERT INTO names(name) VALUES('one')" },
               *breaks[] = { "INSERT OR ROLLBACK INTO names(name) VALUES('one')" },
               *two[] = { "INSERT INTO names(name) VALUES('two')" };
    start(&outcomes[0], batch_of(1, one));
    start(&outcomes[1], batch_of(1, breaks));
    start(&outcomes[2], batch_of(1, two));
    loop_run(loop);
    assert_null(outcomes[0].batch->code);
    assert_string_equal(outcomes[1].batch->code, "conflict");
    assert_null(outcomes[2].batch->code);
    for (int i = 0; i < 3; i++)
        store_batch_free(outcomes[i].batch);
    assert_int_equal(number("SELECT count(*) FROM names"), 2);
}

static const struct CMUnitTest tests[] = {
    TEST(test_all_or_none_and_the_others_unharmed),
    TEST(test_a_shut_gate_ends_its_batch_well),
    TEST(test_many_of_a_round_fail_and_the_rest_counts_once),
    TEST(test_a_read_sees_what_was_started_before),
    TEST(test_a_batch_that_breaks_the_transaction),
};

TEST_GROUP(store_round, tests, NULL, NULL)
