#include "api_json_read.h"
#include "test.h"

#include <lauxlib.h>

static lua_State *L;

static int set_up(void **state)
{
    (void)state;
    L = luaL_newstate();
    luaL_newmetatable(L, JSON_ARRAY);
    lua_settop(L, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(lua_gettop(L), 0);
    lua_close(L);
    return 0;
}

static void reads(const char *text)
{
    struct json_error error;
    if (api_json_read(L, text, strlen(text), &error) != 0) fail_msg("%s: %s", text, error.message);
    assert_int_equal(lua_gettop(L), 1);
    lua_pop(L, 1);
}

static void refuses_bytes(const char *text, size_t len, const char *message, int line, int column)
{
    struct json_error error;
    if (api_json_read(L, text, len, &error) == 0) fail_msg("accepted: %s", text);
    if (!strstr(error.message, message) || error.line != line || error.column != column)
        fail_msg("%s: %s at %d:%d", text, error.message, error.line, error.column);
}

static void refuses(const char *text, const char *message, int line, int column)
{
    refuses_bytes(text, strlen(text), message, line, column);
}

static void test_unusual_json(void **state)
{
    (void)state;
    reads("{\"name\":\"anna\",\"valid\":true,\"none\":null,\"in\":{}}");
    reads(" \n\t\r\"\xc3\xa9 \\u00e9 \\ud83d\\ude00 \\n\\/\\\\\\\"\" ");
    reads("[1,-2.5,1e9,123456789012345]");
    reads("{\"a\": [ \n ] }");
    reads("7");
}

static void test_positions(void **state)
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
    refuses("\"abc", "unterminated", 1, 5);
}

static void test_duplicate_fields(void **state)
{
    (void)state;
    refuses("{\"a\":1,\n \"a\":2}", "duplicate", 2, 2);
    refuses("{\"b\":{\"x\":1,\"x\":1}}", "duplicate", 1, 13);
    refuses("{\"a\":1,\"b\":{\"a\":1},\"\\u0061\":2}", "duplicate", 1, 20);
    refuses("{\"\":1,\"\":2}", "duplicate", 1, 7);
    refuses("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "duplicate", 1, 19);
    refuses("{\"\\u0000\":1,\"\\u0000\":2}", "duplicate", 1, 13);
    reads("{\"a\":{\"a\":{\"a\":\"a\"}},\"b\":{\"a\":\"a\"},\"ab\":{},\"A\":{}}");
    reads("[{\"a\":\"a\"},{\"a\":\"a\"}]");
}

static void test_many_fields(void **state)
{
    enum { FIELDS = 200000 };
    char *text = malloc(FIELDS * 16 + 32), *at = text;
    (void)state;
    for (int i = 0; i < FIELDS; i++)
        at += sprintf(at, "%c\"%d\":0", i > 0 ? ',' : '{', (i * 7919) % FIELDS);
    strcpy(at, "}");
    reads(text);
    strcpy(at, ",\"77\":0}");
    refuses(text, "duplicate", 1, (int)(at - text) + 2);
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
    reads(deep + 1);

    char *large = malloc(JSON_BYTES + 2);
    memset(large, ' ', JSON_BYTES + 1);
    large[JSON_BYTES + 1] = 0;
    refuses(large, "longer than", 1, 1);
    large[0] = '7';
    large[JSON_BYTES] = 0;
    reads(large);
    free(large);
}

static void test_a_nul_does_not_end_the_text(void **state)
{
    (void)state;
    refuses_bytes("1\0", 2, "after the end", 1, 2);
    refuses_bytes("\"\0\"", 3, "a control character in a string", 1, 2);
    refuses_bytes("[1,\0]", 5, "expected a value", 1, 4);
    refuses_bytes("\0", 1, "expected a value", 1, 1);
}

static const struct CMUnitTest tests[] = {
    TEST(test_unusual_json), TEST(test_positions), TEST(test_duplicate_fields),
    TEST(test_many_fields),  TEST(test_limits),    TEST(test_a_nul_does_not_end_the_text),
};

TEST_GROUP(api_json_read, tests, NULL, NULL)
