#include "limiter.h"
#include "test.h"

enum { SECOND = 1000000, START = 1000 * SECOND };
static const struct limiter_bucket five_a_minute = { 5, 60 * (int64_t)SECOND };
static struct limiter *limiter;

static int set_up(void **state)
{
    limiter = limiter_new(64);
    return 0;
}

static int tear_down(void **state)
{
    limiter_free(limiter);
    return 0;
}

static struct limiter_answer take(const char *key, int64_t cost, int64_t now_us)
{
    return limiter_take(limiter, key, strlen(key), five_a_minute, cost, now_us);
}

static void a_bucket_empties_and_fills(void **state)
{
    for (int i = 4; i >= 0; i--) {
        struct limiter_answer answer = take("anna", 1, START);
        assert_true(answer.allowed);
        assert_int_equal(answer.left, i);
    }
    struct limiter_answer refused = take("anna", 1, START);
    assert_false(refused.allowed);
    assert_int_equal(refused.left, 0);
    assert_int_equal(refused.wait_us, 12 * SECOND);
    assert_int_equal(refused.full_us, 60 * SECOND);
    assert_false(take("anna", 1, START + 12 * SECOND - 1).allowed);
    assert_true(take("anna", 1, START + 12 * SECOND).allowed);
    assert_int_equal(take("anna", 0, START + 200 * (int64_t)SECOND).left, 5);
}

static void each_key_has_its_own(void **state)
{
    for (int i = 0; i < 6; i++)
        take("anna", 1, START);
    assert_true(take("bob", 1, START).allowed);
    assert_false(take("anna", 1, START).allowed);
    assert_true(limiter_take(limiter, "a\0b", 3, five_a_minute, 5, START).allowed);
    assert_true(limiter_take(limiter, "a\0c", 3, five_a_minute, 5, START).allowed);
}

static void looking_takes_nothing(void **state)
{
    for (int i = 0; i < 100; i++)
        assert_int_equal(take("anna", 0, START).left, 5);
    for (int i = 0; i < 5; i++)
        take("anna", 1, START);
    assert_true(take("anna", 0, START).allowed); /* nothing is always there */
    assert_int_equal(take("anna", 0, START).left, 0);
}

static void more_than_it_holds_is_never_there(void **state)
{
    assert_false(take("anna", 6, START).allowed);
    assert_true(take("anna", 5, START).allowed);
}

static void a_refused_try_costs_nothing(void **state)
{
    for (int i = 0; i < 50; i++)
        take("anna", 1, START);
    assert_true(take("anna", 1, START + 12 * SECOND).allowed);
}

/* Who owes most stays known, however many others come. */
static void a_flood_forgets_no_offender(void **state)
{
    char key[32];

    for (int i = 0; i < 5; i++)
        take("offender", 1, START);
    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof key, "flood-%d", i);
        take(key, 1, START + i);
    }
    assert_false(take("offender", 1, START + SECOND).allowed);
}

/* Nor does a flood of offenders: when the table is full of them, a newcomer finds what they left.
 */
static void a_full_table_lets_nobody_through_for_free(void **state)
{
    char key[32];
    int allowed = 0;

    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof key, "flood-%d", i % 5000);
        allowed += take(key, 1, START).allowed;
    }
    assert_in_range(allowed, 64, 64 * 5);
    assert_true(take("later", 1, START + 61 * (int64_t)SECOND).allowed);
}

static struct limiter_answer take_of_group(const char *key)
{
    static const struct limiter_bucket forty_a_minute = { 40, 60 * (int64_t)SECOND };
    struct limiter_key group = { "group", 5, forty_a_minute },
                       own = { key, strlen(key), five_a_minute };
    return limiter_take_both(limiter, group, own, 1, START);
}

/* One who has more keys than there is room for: the newcomers of others find their buckets full all
 * the same. */
static void a_group_cannot_fill_the_table(void **state)
{
    char key[32];
    int allowed = 0, served = 0;

    for (int i = 0; i < 65536; i++) {
        snprintf(key, sizeof key, "many-%d", i % 8192);
        allowed += take_of_group(key).allowed;
    }
    assert_int_equal(allowed, 40);
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "newcomer-%d", i);
        served += take(key, 1, START).allowed;
    }
    assert_int_equal(served, 20);
}

static void one_of_a_group_does_not_exhaust_it(void **state)
{
    for (int i = 0; i < 100; i++)
        assert_int_equal(take_of_group("loud").allowed, i < 5);
    for (int i = 0; i < 5; i++)
        assert_true(take_of_group("quiet").allowed);
}

static void a_changed_limit_counts_at_once(void **state)
{
    struct limiter_bucket one_an_hour = { 1, 3600 * (int64_t)SECOND }, many = { 1000, SECOND };

    for (int i = 0; i < 5; i++)
        take("anna", 1, START);
    assert_false(limiter_take(limiter, "anna", 4, many, 1, START).allowed);
    assert_true(limiter_take(limiter, "anna", 4, many, 1, START + SECOND * 60).allowed);
    assert_true(limiter_take(limiter, "anna", 4, one_an_hour, 1, START + SECOND * 61).allowed);
    assert_false(
        limiter_take(limiter, "anna", 4, one_an_hour, 1, START + 3000 * (int64_t)SECOND).allowed);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_bucket_empties_and_fills, set_up, tear_down),
    cmocka_unit_test_setup_teardown(each_key_has_its_own, set_up, tear_down),
    cmocka_unit_test_setup_teardown(looking_takes_nothing, set_up, tear_down),
    cmocka_unit_test_setup_teardown(more_than_it_holds_is_never_there, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_refused_try_costs_nothing, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_flood_forgets_no_offender, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_full_table_lets_nobody_through_for_free, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_changed_limit_counts_at_once, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_group_cannot_fill_the_table, set_up, tear_down),
    cmocka_unit_test_setup_teardown(one_of_a_group_does_not_exhaust_it, set_up, tear_down),
};

TEST_GROUP(limiter, tests, NULL, NULL)
