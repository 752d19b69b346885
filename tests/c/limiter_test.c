#include "limiter.h"
#include "test.h"

enum { SECOND = 1000000, START = 1000 * SECOND };
static const struct limiter_bucket five_a_minute = { 5, 60 * (int64_t)SECOND };
static struct limiter *limiter;

SET_UP()
{
    limiter = limiter_new(64);
}

TEAR_DOWN()
{
    limiter_free(limiter);
}

static struct limiter_answer take(const char *key, int64_t cost, int64_t now_us)
{
    struct limiter_key own = { key, strlen(key), five_a_minute };
    return limiter_take(limiter, own, cost, now_us);
}

TEST_GROUP("limiter", FIXTURE);

TEST(bucket_empties_and_fills)
{
    for (int i = 4; i >= 0; i--) {
        struct limiter_answer answer = take("anna", 1, START);
        assert_true(answer.is_allowed);
        assert_int_equal(answer.left, i);
    }
    struct limiter_answer refused = take("anna", 1, START);
    assert_false(refused.is_allowed);
    assert_int_equal(refused.left, 0);
    assert_int_equal(refused.wait_us, 12 * SECOND);
    assert_int_equal(refused.full_us, 60 * SECOND);
    assert_false(take("anna", 1, START + 12 * SECOND - 1).is_allowed);
    assert_true(take("anna", 1, START + 12 * SECOND).is_allowed);
    assert_int_equal(take("anna", 0, START + 200 * (int64_t)SECOND).left, 5);
}

TEST(tokens_are_given_back)
{
    take("anna", 5, START);
    assert_int_equal(take("anna", -2, START).left, 2);
    assert_int_equal(take("anna", -9, START).left, 5);
    assert_int_equal(take("bob", -1, START).left, 5);
    assert_int_equal(take("bob", 1, START).left, 4);
}

TEST(each_key_has_its_own_bucket)
{
    for (int i = 0; i < 6; i++)
        take("anna", 1, START);
    assert_true(take("bob", 1, START).is_allowed);
    assert_false(take("anna", 1, START).is_allowed);
    assert_true(limiter_take(limiter, (struct limiter_key){ "a\0b", 3, five_a_minute }, 5, START)
                    .is_allowed);
    assert_true(limiter_take(limiter, (struct limiter_key){ "a\0c", 3, five_a_minute }, 5, START)
                    .is_allowed);
}

TEST(cost_0_takes_nothing)
{
    for (int i = 0; i < 100; i++)
        assert_int_equal(take("anna", 0, START).left, 5);
    for (int i = 0; i < 5; i++)
        take("anna", 1, START);
    assert_true(take("anna", 0, START).is_allowed);
    assert_int_equal(take("anna", 0, START).left, 0);
}

TEST(cost_above_burst_is_never_allowed)
{
    assert_false(take("anna", 6, START).is_allowed);
    assert_true(take("anna", 5, START).is_allowed);
}

TEST(refused_call_costs_nothing)
{
    for (int i = 0; i < 50; i++)
        take("anna", 1, START);
    assert_true(take("anna", 1, START + 12 * SECOND).is_allowed);
}

/* The key that owes most is the last to be replaced, however many others come. */
TEST(flood_of_keys_does_not_evict_an_offender)
{
    char key[32];
    for (int i = 0; i < 5; i++)
        take("offender", 1, START);
    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof key, "flood-%d", i);
        take(key, 1, START + i);
    }
    assert_false(take("offender", 1, START + SECOND).is_allowed);
}

/* When the table is full of offenders, a new key inherits their debt. */
TEST(full_table_gives_newcomers_no_free_tokens)
{
    char key[32];
    int allowed = 0;
    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof key, "flood-%d", i % 5000);
        allowed += take(key, 1, START).is_allowed;
    }
    assert_in_range(allowed, 64, 64 * 5);
    assert_true(take("later", 1, START + 61 * (int64_t)SECOND).is_allowed);
}

static struct limiter_answer take_of_group(const char *key)
{
    static const struct limiter_bucket forty_a_minute = { 40, 60 * (int64_t)SECOND };
    struct limiter_key group = { "group", 5, forty_a_minute };
    struct limiter_key own = { key, strlen(key), five_a_minute };
    return limiter_take_both(limiter, group, own, 1, START);
}

/* A group with more keys than there is room for does not empty the buckets of others. */
TEST(group_cannot_fill_the_table)
{
    char key[32];
    int allowed = 0, served = 0;
    for (int i = 0; i < 65536; i++) {
        snprintf(key, sizeof key, "many-%d", i % 8192);
        allowed += take_of_group(key).is_allowed;
    }
    assert_int_equal(allowed, 40);
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "newcomer-%d", i);
        served += take(key, 1, START).is_allowed;
    }
    assert_int_equal(served, 20);
}

TEST(one_key_does_not_exhaust_its_group)
{
    for (int i = 0; i < 100; i++)
        assert_int_equal(take_of_group("loud").is_allowed, i < 5);
    for (int i = 0; i < 5; i++)
        assert_true(take_of_group("quiet").is_allowed);
}

static int take_from(struct limiter_bucket bucket, int64_t now_us)
{
    struct limiter_key key = { "anna", 4, bucket };
    return limiter_take(limiter, key, 1, now_us).is_allowed;
}

TEST(changed_limit_applies_at_once)
{
    struct limiter_bucket one_an_hour = { 1, 3600 * (int64_t)SECOND }, many = { 1000, SECOND };
    for (int i = 0; i < 5; i++)
        take("anna", 1, START);
    assert_false(take_from(many, START));
    assert_true(take_from(many, START + SECOND * 60));
    assert_true(take_from(one_an_hour, START + SECOND * 61));
    assert_false(take_from(one_an_hour, START + 3000 * (int64_t)SECOND));
}
