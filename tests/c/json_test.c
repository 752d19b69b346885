#include "json.h"
#include "test.h"

static void reads(const char *text)
{
    struct json_checked checked;
    if (json_check(text, strlen(text), &checked) != 0) fail_msg("%s: %s", text, checked.error);
}

static void refuses_bytes(const char *text, size_t len, const char *message, int line, int column)
{
    struct json_checked found;
    if (json_check(text, len, &found) == 0) fail_msg("accepted: %s", text);
    if (!strstr(found.error, message) || found.line != line || found.column != column)
        fail_msg("%s: %s at %d:%d", text, found.error, found.line, found.column);
}

static void refuses(const char *text, const char *message, int line, int column)
{
    refuses_bytes(text, strlen(text), message, line, column);
}

TEST_GROUP("json");

TEST(unusual_json)
{
    reads("{\"name\":\"anna\",\"valid\":true,\"none\":null,\"in\":{}}");
    reads(" \n\t\r\"\xc3\xa9 \\u00e9 \\ud83d\\ude00 \\n\\/\\\\\\\"\" ");
    reads("[1,-2.5,1e9,123456789012345]");
    reads("{\"a\": [ \n ] }");
    reads("7");
}

TEST(positions)
{
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

TEST(duplicate_fields)
{
    refuses("{\"a\":1,\n \"a\":2}", "duplicate", 2, 2);
    refuses("{\"b\":{\"x\":1,\"x\":1}}", "duplicate", 1, 13);
    refuses("{\"a\":1,\"b\":{\"a\":1},\"\\u0061\":2}", "duplicate", 1, 20);
    refuses("{\"\":1,\"\":2}", "duplicate", 1, 7);
    refuses("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "duplicate", 1, 19);
    refuses("{\"\\u0000\":1,\"\\u0000\":2}", "duplicate", 1, 13);
    reads("{\"a\":{\"a\":{\"a\":\"a\"}},\"b\":{\"a\":\"a\"},\"ab\":{},\"A\":{}}");
    reads("[{\"a\":\"a\"},{\"a\":\"a\"}]");
}

TEST(many_fields)
{
    enum { FIELDS = 200000 };
    char *text = malloc(FIELDS * 16 + 32), *at = text;
    for (int i = 0; i < FIELDS; i++)
        at += sprintf(at, "%c\"%d\":0", i > 0 ? ',' : '{', (i * 7919) % FIELDS);
    strcpy(at, "}");
    reads(text);
    strcpy(at, ",\"77\":0}");
    refuses(text, "duplicate", 1, (int)(at - text) + 2);
    free(text);
}

TEST(limits)
{
    char deep[2 * JSON_DEPTH + 3];
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

TEST(a_nul_does_not_end_the_text)
{
    refuses_bytes("1\0", 2, "after the end", 1, 2);
    refuses_bytes("\"\0\"", 3, "a control character in a string", 1, 2);
    refuses_bytes("[1,\0]", 5, "expected a value", 1, 4);
    refuses_bytes("\0", 1, "expected a value", 1, 1);
}

/* What lua-cjson cannot read is replaced, and what it reads well is not copied. */
TEST(replacements)
{
    static const char *const cases[][2] = {
        { "{\"a\": [ ], \"b\":[[]]}", "{\"a\": \"\377[]\", \"b\":[\"\377[]\"]}" },
        { "[123456789012345,-1234567890123456]", "[123456789012345,\"\377-1234567890123456\"]" },
        { "\"\\ud83d x \\ud83d\\ude00\"", "\"\\ufffd x \\ud83d\\ude00\"" },
    };
    struct json_checked checked;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(json_check(cases[i][0], strlen(cases[i][0]), &checked), 0);
        assert_int_equal(checked.len, strlen(cases[i][1]));
        assert_string_equal(checked.text, cases[i][1]);
    }
    assert_int_equal(json_check("[1,{}]", 6, &checked), 0);
    assert_string_equal(checked.text, "[1,{}]");
}
