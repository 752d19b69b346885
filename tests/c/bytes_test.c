#include "bytes.h"
#include "mem.h"
#include "test.h"

TEST_GROUP("bytes");

TEST(growing)
{
    struct bytes bytes = { 0 };
    char *expected = mem_new(30000, 10), *at = expected;
    for (int i = 0; i < 30000; i++) {
        bytes_add_int(&bytes, i - 15000, 1);
        at += sprintf(at, "%d", i - 15000);
    }
    assert_int_equal(bytes.len, strlen(expected));
    assert_string_equal(bytes_text(&bytes), expected);
    bytes_clear(&bytes);
    assert_int_equal(bytes.len, 0);
    bytes_add_text(&bytes, "again");
    char *text = bytes_take(&bytes);
    assert_string_equal(text, "again");
    assert_null(bytes.data);
    assert_string_equal(bytes_text(&bytes), "");
    bytes_free(&bytes);
    free(text);
    free(expected);
}

TEST(over_memory_of_the_caller)
{
    char memory[8];
    struct bytes bytes = bytes_over(memory, sizeof memory);
    bytes_add_text(&bytes, "12345");
    bytes_add_text(&bytes, "6789"); /* does not fit: dropped whole */
    bytes_add_char(&bytes, '6');    /* and so is what follows */
    assert_true(bytes.is_full);
    assert_int_equal(bytes.len, 5);
    assert_string_equal(bytes_text(&bytes), "12345");
    bytes_clear(&bytes);
    bytes_add_text(&bytes, "12345678");
    assert_false(bytes.is_full);
    assert_int_equal(bytes.len, 8);
}

TEST(numbers_as_text)
{
    static const struct {
        int64_t number;
        int min_digits;
        const char *text;
    } cases[] = {
        { 0, 1, "0" },     { 0, 0, "0" },     { 7, 3, "007" },
        { -42, 1, "-42" }, { -4, 3, "-004" }, { INT64_MIN, 1, "-9223372036854775808" },
    };
    struct bytes bytes = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes_clear(&bytes);
        bytes_add_int(&bytes, cases[i].number, cases[i].min_digits);
        assert_string_equal(bytes_text(&bytes), cases[i].text);
    }
    bytes_free(&bytes);
}

TEST(formatted)
{
    struct bytes bytes = { 0 };
    char wide[5000];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    bytes_printf(&bytes, "%s-%d", "a", 1);
    bytes_printf(&bytes, "%s", wide);
    assert_int_equal(bytes.len, 3 + strlen(wide));
    assert_string_equal(bytes_text(&bytes) + 3, wide);
    bytes_free(&bytes);
}

TEST(reading_numbers)
{
    uint64_t number = 7;
    EACH (refused, "", "-1", "+1", " 1", "1 ", "0x1", "256", "99999999999999999999")
        assert_int_equal(bytes_read_uint(refused, strlen(refused), 255, &number), -1);
    assert_int_equal(number, 7);
    assert_int_equal(bytes_read_uint("255", 3, 255, &number), 0);
    assert_int_equal(number, 255);
    assert_int_equal(bytes_read_uint("0008", 4, 255, &number), 0);
    assert_int_equal(number, 8);
    assert_int_equal(bytes_read_uint("18446744073709551615", 20, UINT64_MAX, &number), 0);
    assert_true(number == UINT64_MAX);
    assert_int_equal(bytes_read_uint("18446744073709551616", 20, UINT64_MAX, &number), -1);
    assert_int_equal(bytes_read_uint("12345", 2, 255, &number), 0);
    assert_int_equal(number, 12);
}

TEST(utf8)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        { "a", 1 },
        { "\xc3\xa9", 2 },
        { "\xe2\x82\xac", 3 },
        { "\xf0\x9f\x98\x80", 4 },
        { "\xff", 0 },
        { "\x80", 0 },
        { "\xc0\xaf", 0 },         /* overlong */
        { "\xe0\x80\xaf", 0 },     /* overlong */
        { "\xed\xa0\x80", 0 },     /* a surrogate */
        { "\xf4\x90\x80\x80", 0 }, /* above U+10FFFF */
        { "\xe2\x82", 0 },         /* cut short */
        { "", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        assert_int_equal(bytes_utf8_length(text, text + strlen(text)), cases[i].length);
        if (*text) assert_int_equal(bytes_is_utf8(text, strlen(text)), cases[i].length > 0);
    }
    assert_true(bytes_is_utf8("", 0));
    assert_false(bytes_is_utf8("caf\xc3\xa9 \xff", 7));
}

TEST(json)
{
    static const struct {
        const char *text, *replacement, *json;
    } cases[] = {
        { "plain", NULL, "plain" },
        { "q\" b\\ n\n r\r d\x7f", NULL, "q\\\" b\\\\ n\\n r\\u000d d\\u007f" },
        { "caf\xc3\xa9", NULL, "caf\xc3\xa9" },
        { "a\xff"
          "b",
          NULL,
          "a\\u00ff"
          "b" },
        { "a\xff"
          "b",
          "?", "a?b" },
        { "\xc2\x9b", NULL, "\\u00c2\\u009b" },
        { "\xc2\x9b", "?", "\xc2\x9b" },
        { "\xe2\x82", "?", "??" },
        { "\xc0\xaf", NULL, "\\u00c0\\u00af" },
        { "\xe0\x80\xaf", NULL, "\\u00e0\\u0080\\u00af" },
        { "\xed\xa0\x80", NULL, "\\u00ed\\u00a0\\u0080" },
        { "\xf4\x90\x80\x80", NULL, "\\u00f4\\u0090\\u0080\\u0080" },
        { "\xd8\xb3 \xf0\x9f\x98\x80", NULL, "\xd8\xb3 \xf0\x9f\x98\x80" },
    };
    struct bytes bytes = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes_clear(&bytes);
        bytes_add_json(&bytes, cases[i].text, strlen(cases[i].text), cases[i].replacement);
        assert_string_equal(bytes_text(&bytes), cases[i].json);
    }
    bytes_free(&bytes);
}
