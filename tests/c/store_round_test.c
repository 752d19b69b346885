/* Batches that share a transaction: each fails or succeeds alone. */
#include "store_fixture.h"

TEST_GROUP("store_round", FIXTURE);

TEST(a_failed_batch_leaves_the_others)
{
    struct outcome outcomes[3];
    start(&outcomes[0], BATCH("INSERT INTO names(name) VALUES('one')"));
    start(&outcomes[1],
          BATCH("INSERT INTO names(name) VALUES('two')", "INSERT INTO names(name) VALUES('one')"));
    start(&outcomes[2], BATCH("INSERT INTO names(name) VALUES('three')"));
    loop_run(loop);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outcomes[i].order, i + 1);
        ends_with(outcomes[i].batch, i == 1 ? "conflict" : NULL);
    }
    assert_int_equal(number("SELECT count(*) FROM names"), 2);
    assert_int_equal(number("SELECT count(*) FROM names WHERE name = 'two'"), 0);
}

TEST(a_gate_ends_its_batch_successfully)
{
    struct store_batch *batch =
        BATCH("SELECT 1 WHERE 1 > 2", "INSERT INTO names(name) VALUES('behind')");
    batch->statements[0].is_gate = 1;
    batch = run_batch(batch);
    assert_int_equal(batch->statements[1].changes, 0);
    ends_with(batch, NULL);
    assert_int_equal(number("SELECT count(*) FROM names"), 0);

    /* An insert and an update of a row open the gate, an update of none does not. */
    EACH (opens, "SELECT 1", "INSERT INTO names(name) VALUES('a')", "UPDATE names SET size = 1",
          "UPDATE names SET size = 2 WHERE name = 'x'") {
        batch = BATCH(opens, "INSERT INTO tags SELECT id, 'seen' FROM names");
        batch->statements[0].is_gate = 1;
        ends_with(run_batch(batch), NULL);
    }
    assert_int_equal(number("SELECT count(*) FROM tags"), 2);
}

TEST(many_of_a_round_fail_and_the_rest_counts_once)
{
    enum { N = 60 };
    static struct outcome outcomes[N];
    char sql[64];
    for (int i = 0; i < N; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO names(name) VALUES('name-%d')", i % 20);
        start(&outcomes[i], BATCH(sql));
    }
    loop_run(loop);
    for (int i = 0; i < N; i++) {
        assert_int_equal(outcomes[i].order, i + 1);
        ends_with(outcomes[i].batch, i < 20 ? NULL : "conflict");
    }
    assert_int_equal(number("SELECT count(*) FROM names"), 20);
}

TEST(reads_see_batches_started_before)
{
    enum { N = 200 };
    static struct outcome writes[N], reads[N];
    for (int i = 0; i < N; i++) {
        start(&writes[i], BATCH("INSERT INTO names(name) VALUES(hex(randomblob(8)))"));
        start(&reads[i], BATCH("SELECT count(*) FROM names"));
    }
    loop_run(loop);
    for (int i = 0; i < N; i++) {
        assert_int_equal(reads[i].batch->statements[0].values[0].integer, i + 1);
        assert_true(writes[i].order < reads[i].order);
        ends_with(writes[i].batch, NULL);
        ends_with(reads[i].batch, NULL);
    }
}

/* INSERT OR ROLLBACK rolls the whole transaction back; the other batches run again. */
TEST(a_batch_that_breaks_the_transaction)
{
    struct outcome outcomes[3];
    start(&outcomes[0], BATCH("INSERT INTO names(name) VALUES('one')"));
    start(&outcomes[1], BATCH("INSERT OR ROLLBACK INTO names(name) VALUES('one')"));
    start(&outcomes[2], BATCH("INSERT INTO names(name) VALUES('two')"));
    loop_run(loop);
    for (int i = 0; i < 3; i++)
        ends_with(outcomes[i].batch, i == 1 ? "conflict" : NULL);
    assert_int_equal(number("SELECT count(*) FROM names"), 2);
}
