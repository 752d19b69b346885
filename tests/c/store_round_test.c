/* Batches that share a transaction: each fails or succeeds alone. */
#include "store_fixture.h"

TEST_GROUP("store_round", FIXTURE);

TEST(a_failed_batch_leaves_the_others)
{
    const char *good[] = { "INSERT INTO names(name) VALUES('one')" };
    const char *bad[] = { "INSERT INTO names(name) VALUES('two')",
                          "INSERT INTO names(name) VALUES('one')" };
    const char *last[] = { "INSERT INTO names(name) VALUES('three')" };
    struct outcome outcomes[3];
    start(&outcomes[0], make_batch(1, good));
    start(&outcomes[1], make_batch(2, bad));
    start(&outcomes[2], make_batch(1, last));
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

TEST(a_gate_ends_its_batch_successfully)
{
    const char *sql[] = { "SELECT 1 WHERE 1 > 2", "INSERT INTO names(name) VALUES('behind')" };
    struct store_batch *batch = make_batch(2, sql);
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
        batch = make_batch(2, both);
        batch->statements[0].is_gate = 1;
        batch = run_batch(batch);
        assert_null(batch->code);
        store_batch_free(batch);
    }
    assert_int_equal(
        number("SELECT count(*) FROM tags"),
        2); /* an insert and an update of a row open the gate, an update of none does not */
}

TEST(many_of_a_round_fail_and_the_rest_counts_once)
{
    enum { N = 60 };
    static struct outcome outcomes[N];
    char text[N][64];
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "INSERT INTO names(name) VALUES('name-%d')", i % 20);
        const char *sql[] = { text[i] };
        start(&outcomes[i], make_batch(1, sql));
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

TEST(reads_see_batches_started_before)
{
    enum { N = 200 };
    static struct outcome writes[N], reads[N];
    const char *write[] = { "INSERT INTO names(name) VALUES(hex(randomblob(8)))" },
               *read[] = { "SELECT count(*) FROM names" };
    for (int i = 0; i < N; i++) {
        start(&writes[i], make_batch(1, write));
        start(&reads[i], make_batch(1, read));
    }
    loop_run(loop);
    for (int i = 0; i < N; i++) {
        assert_null(writes[i].batch->code);
        assert_int_equal(reads[i].batch->statements[0].values[0].integer, i + 1);
        assert_true(writes[i].order < reads[i].order);
        store_batch_free(writes[i].batch);
        store_batch_free(reads[i].batch);
    }
}

/* INSERT OR ROLLBACK rolls the whole transaction back; the other batches run again. */
TEST(a_batch_that_breaks_the_transaction)
{
    struct outcome outcomes[3];
    const char *one[] = { "INSERT INTO names(name) VALUES('one')" },
               *breaks[] = { "INSERT OR ROLLBACK INTO names(name) VALUES('one')" },
               *two[] = { "INSERT INTO names(name) VALUES('two')" };
    start(&outcomes[0], make_batch(1, one));
    start(&outcomes[1], make_batch(1, breaks));
    start(&outcomes[2], make_batch(1, two));
    loop_run(loop);
    assert_null(outcomes[0].batch->code);
    assert_string_equal(outcomes[1].batch->code, "conflict");
    assert_null(outcomes[2].batch->code);
    for (int i = 0; i < 3; i++)
        store_batch_free(outcomes[i].batch);
    assert_int_equal(number("SELECT count(*) FROM names"), 2);
}
