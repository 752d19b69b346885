#include "shared.h"
#include "test.h"

static struct shared *shared;

SET_UP()
{
    shared = shared_new();
}

TEAR_DOWN()
{
    shared_free(shared);
}

static struct value text(const char *bytes, size_t len)
{
    return (struct value){ .type = VALUE_TEXT, .text = (char *)(uintptr_t)bytes, .len = len };
}

static struct value whole(int64_t i)
{
    return (struct value){ .type = VALUE_INTEGER, .integer = i };
}

static void set(const char *key, struct value value, int64_t ttl_ms)
{
    shared_set(shared, key, strlen(key), value, ttl_ms);
}

static struct value get(const char *key)
{
    return shared_get(shared, key, strlen(key));
}

TEST_GROUP("shared", FIXTURE);

TEST(types)
{
    set("i", whole(INT64_MAX), 0);
    set("n", (struct value){ .type = VALUE_NUMBER, .number = 0.5 }, 0);
    set("b", (struct value){ .type = VALUE_BOOL, .integer = 1 }, 0);
    set("t", text("a\0b", 3), 0);
    assert_true(get("i").type == VALUE_INTEGER && get("i").integer == INT64_MAX);
    assert_true(get("n").type == VALUE_NUMBER && get("n").number == 0.5);
    assert_true(get("b").type == VALUE_BOOL && get("b").integer == 1);
    assert_int_equal(get("t").len, 3);
    assert_memory_equal(get("t").text, "a\0b", 4);
    assert_int_equal(get("absent").type, VALUE_NONE);
}

TEST(set_again_and_delete)
{
    set("k", text("one", 3), 0);
    set("k", text("other", 5), 0);
    assert_string_equal(get("k").text, "other");
    set("k", get("k"), 0); /* the value is the present one's own text */
    assert_string_equal(get("k").text, "other");
    set("k", whole(1), 0);
    assert_int_equal(get("k").integer, 1);
    set("k", (struct value){ .type = VALUE_NONE }, 0);
    assert_int_equal(get("k").type, VALUE_NONE);
    set("k", (struct value){ .type = VALUE_NONE }, 0);
}

TEST(keys_of_any_bytes)
{
    shared_set(shared, "a\0b", 3, whole(1), 0);
    shared_set(shared, "a\0c", 3, whole(2), 0);
    shared_set(shared, "", 0, whole(3), 0);
    assert_int_equal(shared_get(shared, "a\0b", 3).integer, 1);
    assert_int_equal(shared_get(shared, "a\0c", 3).integer, 2);
    assert_int_equal(shared_get(shared, "a", 1).type, VALUE_NONE);
    assert_int_equal(shared_get(shared, "", 0).integer, 3);
}

TEST(time_to_live)
{
    set("short", whole(1), 30);
    set("kept", whole(1), 30);
    set("long", whole(1), 60000);
    set("kept", whole(2), 60000);
    set("forever", whole(1), 30);
    set("forever", whole(1), 0);
    usleep(40000);
    assert_int_equal(get("short").type, VALUE_NONE);
    assert_int_equal(get("long").integer, 1);
    assert_int_equal(get("kept").integer, 2);
    assert_int_equal(get("forever").integer, 1);
}

TEST(same_time_to_live)
{
    set("k", whole(1), 300);
    usleep(20000);
    set("k", whole(2), SHARED_SAME_TTL);
    assert_int_equal(get("k").integer, 2);
    usleep(300000);
    assert_int_equal(get("k").type, VALUE_NONE);
    set("k", whole(3), 1);
    usleep(5000);
    set("k", whole(4), SHARED_SAME_TTL); /* it had expired: a new key */
    assert_int_equal(get("k").integer, 4);
}

static void count(const char *key, size_t key_len, struct value value, void *arg)
{
    (void)key, (void)key_len;
    *(int64_t *)arg += value.integer;
}

static int64_t sum(const char *prefix)
{
    int64_t total = 0;
    shared_each(shared, prefix, strlen(prefix), count, &total);
    return total;
}

TEST(each)
{
    set("claim:a", whole(1), 0);
    set("claim:b", whole(2), 0);
    set("claim:past", whole(100), 1);
    set("claim", whole(1000), 0);
    usleep(5000);
    assert_int_equal(sum("claim:"), 3);
    assert_int_equal(sum("claim"), 1003);
    assert_int_equal(sum(""), 1003);
    assert_int_equal(sum("none"), 0);
}

TEST(many)
{
    char key[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        set(key, whole(i), i % 2 ? 0 : 1);
    }
    usleep(5000);
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(get(key).type, i % 2 ? VALUE_INTEGER : VALUE_NONE);
        if (i % 2) assert_int_equal(get(key).integer, i);
    }
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        set(key, (struct value){ .type = VALUE_NONE }, 0);
    }
    assert_int_equal(sum(""), 0);
}
