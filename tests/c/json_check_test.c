#include "json_check.h"
#include "json_text.h"
#include "test.h"

static struct json_check check;

/* What lua-cjson would get, with "TOKEN" for the token. */
static void gives(const char *text, const char *wanted)
{
    char *given, *at;

    if (json_check(text, strlen(text), &check) != 0) fail_msg("%s: %s", text, check.error);
    given = strndup(check.text, check.len);
    while ((at = strstr(given, json_token()))) {
        memcpy(at, "TOKEN", 5);
        memmove(at + 5, at + JSON_TOKEN, strlen(at + JSON_TOKEN) + 1);
    }
    assert_string_equal(given, wanted);
    free(given);
}

static void same(const char *text)
{
    gives(text, text);
    assert_ptr_equal(check.text, text);
}

static void refuses(const char *text, const char *error, int line, int column)
{
    if (json_check(text, strlen(text), &check) == 0) fail_msg("taken: %s", text);
    if (!strstr(check.error, error) || check.line != line || check.column != column)
        fail_msg("%s: %s at %d:%d", text, check.error, check.line, check.column);
}

static void test_carried_as_it_is(void **state)
{
    (void)state;
    same("{\"name\":\"anna\",\"valid\":true,\"none\":null,\"in\":{}}");
    assert_true(check.plain);
    same(" \n\t\r\"\xc3\xa9 \\u00e9 \\ud83d\\ude00 \\n\\/\\\\\\\"\" ");
    assert_true(check.plain);
    same("[1,-2.5,1e9,123456789012345]");
    assert_false(check.plain);
    same("7");
    assert_false(check.plain);
}

static void test_what_becomes_a_token(void **state)
{
    (void)state;
    gives("[]", "\"TOKEN[]\"");
    gives("{\"a\": [ \n ] }", "{\"a\": \"TOKEN[]\" }");
    gives("[[],[[]]]", "[\"TOKEN[]\",[\"TOKEN[]\"]]");
    gives("[1234567890123456,-9007199254740993 ,1.0000000000000001]",
          "[\"TOKEN1234567890123456\",\"TOKEN-9007199254740993\" ,1.0000000000000001]");
    gives("\"\\ud800 \\udc00\\ud83d\\u0041\"", "\"\\ufffd \\ufffd\\ufffd\\u0041\"");
}

static void test_places(void **state)
{
    (void)state;
    refuses("{\"a\": 1,\n  \"b\": x}", "expected a value", 2, 8);
    refuses("[1,]", "expected a value", 1, 4);
    refuses("[1", "expected , or ]", 1, 3);
    refuses("", "found the end", 1, 1);
    refuses("{} {}", "after the end", 1, 4);
    refuses("01", "not a number", 1, 1);
    refuses("[0x10]", "expected , or ]", 1, 3);
    refuses("[NaN]", "expected a value", 1, 2);
    refuses("+1", "expected a value", 1, 1);
    refuses("[1e400]", "too large", 1, 2);
    refuses("\"a\tb\"", "control character", 1, 3);
    refuses("\"a\xff\"", "UTF-8", 1, 3);
    refuses("\"abc", "without an end", 1, 5);
}

static void test_twins(void **state)
{
    (void)state;
    refuses("{\"a\":1,\n \"a\":2}", "there before", 2, 2);
    refuses("{\"b\":{\"x\":1,\"x\":1}}", "there before", 1, 13);
    refuses("{\"a\":1,\"b\":{\"a\":1},\"\\u0061\":2}", "there before", 1, 20);
    refuses("{\"\":1,\"\":2}", "there before", 1, 7);
    refuses("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "there before", 1, 19);
    refuses("{\"\\u0000\":1,\"\\u0000\":2}", "there before", 1, 13);
    same("{\"a\":{\"a\":{\"a\":\"a\"}},\"b\":{\"a\":\"a\"},\"ab\":{},\"A\":{}}");
    same("[{\"a\":\"a\"},{\"a\":\"a\"}]");
}

/* Many fields cost no more than sorting them. */
static void test_many_fields(void **state)
{
    enum { N = 200000 };
    char *text = malloc(N * 16 + 32), *at = text;

    (void)state;
    for (int i = 0; i < N; i++)
        at += sprintf(at, "%c\"%d\":0", i ? ',' : '{', (i * 7919) % N);
    strcpy(at, "}");
    assert_int_equal(json_check(text, strlen(text), &check), 0);
    strcpy(at, ",\"77\":0}");
    assert_int_equal(json_check(text, strlen(text), &check), -1);
    assert_int_equal(check.column, at - text + 2);
    free(text);
}

static void test_limits(void **state)
{
    char deep[2 * JSON_DEPTH + 3];

    (void)state;
    memset(deep, '[', JSON_DEPTH + 1);
    memset(deep + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
    deep[2 * JSON_DEPTH + 2] = 0;
    refuses(deep, "too deep", 1, JSON_DEPTH + 1);
    deep[2 * JSON_DEPTH + 1] = 0;
    assert_int_equal(json_check(deep + 1, 2 * JSON_DEPTH, &check), 0);

    char *long_one = malloc(JSON_BYTES + 2);
    memset(long_one, ' ', JSON_BYTES + 1);
    long_one[JSON_BYTES + 1] = 0;
    refuses(long_one, "longer than", 1, 1);
    long_one[0] = '7';
    long_one[JSON_BYTES] = 0;
    assert_int_equal(json_check(long_one, JSON_BYTES, &check), 0);
    free(long_one);
}

/* A NUL ends nothing. */
static void test_nul(void **state)
{
    (void)state;
    assert_int_equal(json_check("1\0", 2, &check), -1);
    assert_int_equal(json_check("\"\0\"", 3, &check), -1);
    assert_string_equal(check.error, "a control character in a string");
    assert_int_equal(json_check("[1,\0]", 5, &check), -1);
    assert_int_equal(json_check("\0", 1, &check), -1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_carried_as_it_is),
    cmocka_unit_test(test_what_becomes_a_token),
    cmocka_unit_test(test_places),
    cmocka_unit_test(test_twins),
    cmocka_unit_test(test_many_fields),
    cmocka_unit_test(test_limits),
    cmocka_unit_test(test_nul),
};

TEST_GROUP(json_check, tests, NULL, NULL)
