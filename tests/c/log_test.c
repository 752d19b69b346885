#include "log.h"
#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>

static int ends[2];
static char text[1 << 20];

SET_UP()
{
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    log_init(ends[1], LOG_INFO);
}

TEAR_DOWN()
{
    close(ends[0]);
    close(ends[1]);
}

/* Flushes and returns what came out of the pipe since the last call. */
static const char *read_back(void)
{
    size_t len = 0;
    ssize_t got;
    log_flush();
    while ((got = read(ends[0], text + len, sizeof text - 1 - len)) > 0) {
        len += (size_t)got;
        log_flush();
    }
    text[len] = 0;
    return text;
}

/* A line with the field that the call adds contains this. */
#define WRITES(call, ...)                                                                          \
    do {                                                                                           \
        log_begin(LOG_INFO, "unit.event");                                                         \
        call;                                                                                      \
        log_end();                                                                                 \
        assert_contains(read_back(), __VA_ARGS__);                                                 \
    } while (0)

TEST_GROUP("log", FIXTURE);

TEST(line)
{
    int year, millis;
    char rest[200];
    assert_true(log_begin(LOG_WARN, "unit.event"));
    log_str("text", "words");
    log_str("nothing", NULL);
    log_int("count", -9007199254740993);
    log_num("ratio", 0.5);
    log_num("odd", NAN);
    log_bool("yes", 1);
    log_strn("part", "abcdef", 3);
    log_end();
    assert_int_equal(sscanf(read_back(), "{\"at\":\"%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ\",%199[^\n]",
                            &year, &millis, rest),
                     3);
    assert_true(year >= 2024);
    assert_string_equal(rest, "\"level\":\"warn\",\"event\":\"unit.event\",\"text\":\"words\","
                              "\"nothing\":null,\"count\":-9007199254740993,"
                              "\"ratio\":0.5,\"odd\":null,\"yes\":true,\"part\":\"abc\"}");
    assert_int_equal(text[strlen(text) - 1], '\n');
}

TEST(levels)
{
    enum log_level level;
    assert_int_equal(log_level_parse("debug", &level), 0);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_level_parse("error", &level), 0);
    assert_int_equal(level, LOG_ERROR);
    assert_int_equal(log_level_parse("loud", &level), -1);
    assert_false(log_enabled(LOG_DEBUG));
    assert_false(log_begin(LOG_DEBUG, "unit.quiet"));
    log_str("field", "outside a line");
    log_end();
    log_line(LOG_DEBUG, "unit.quiet", "not written");
    assert_string_equal(read_back(), "");
}

TEST(escapes)
{
    WRITES(log_str("a", "q\" b\\ n\n r\r e\x1b d\x7f"),
           "\"a\":\"q\\\" b\\\\ n\\n r\\u000d e\\u001b d\\u007f\"");
    WRITES(log_strn("nul", "a\0b", 3), "\"nul\":\"a\\u0000b\"");
    WRITES(log_str("forged\":1,\"x", "1"), "\"forged\\\":1,\\\"x\":\"1\"");
    WRITES(log_str("v", "\xd8\xb3 \xe2\x82"), "\"v\":\"\xd8\xb3 \\u00e2\\u0082\"}");
}

TEST(secrets_are_masked)
{
    EACH (secret, "password", "token", "key", "secret", "authorization", "cookie", "api_token",
          "OWNER_KEY", "ownerKey", "x-secret", "Authorization") {
        WRITES((log_str(secret, "hunter2"), log_int(secret, 4242)), ":\"***\"");
        assert_lacks(text, "hunter2", "4242");
    }
    EACH (open, "keys", "monkey", "tokens", "passwords", "cookie_count", "name")
        WRITES(log_str(open, "shown"), ":\"shown\"");
}

TEST(long_value_is_cut)
{
    static char value[50000];
    memset(value, 'v', sizeof value - 1);
    WRITES((log_str("long", value), log_str("after", "there")), "v...\",\"after\":\"there\"}\n");
    assert_true(strlen(text) < 9000);
}

TEST(numbers)
{
    WRITES(log_num("v", 0), "\"v\":0}");
    WRITES(log_num("v", 12), "\"v\":12}");
    WRITES(log_num("v", -3), "\"v\":-3}");
    WRITES(log_num("v", 0.123), "\"v\":0.123}");
    WRITES(log_num("v", -0.5), "\"v\":-0.5}");
    WRITES(log_num("v", -1.25), "\"v\":-1.25}");
    WRITES(log_num("v", 1234567.000001), "\"v\":1234567.000001}");
    WRITES(log_num("v", 1e-9), "\"v\":1e-09}");
    WRITES(log_num("v", 1e300), "\"v\":1e+300}");
    WRITES(log_num("v", 1.0 / 3), "\"v\":0.333333333333333}");
    WRITES(log_num("v", 100), "\"v\":100}");
    WRITES(log_int("least", INT64_MIN), "\"least\":-9223372036854775808}");
}

TEST(formatted_line)
{
    log_line(LOG_ERROR, "unit.event", "%s and %d", "one", 2);
    assert_contains(read_back(),
                    "\"level\":\"error\",\"event\":\"unit.event\",\"message\":\"one and 2\"}\n");
}

/* While nobody reads the pipe lines are lost, the caller does not wait, and the number is reported.
 */
TEST(full_pipe_loses_lines_not_time)
{
    unsigned long lost = 0, seen = 0;
    int written = 5000;
    for (int i = 0; i < written; i++) {
        log_line(LOG_INFO, "unit.flood", "%0200d", i);
        log_flush();
    }
    read_back();
    log_line(LOG_INFO, "unit.after", "through");
    for (char *c = text; (c = strstr(c, "\n")); c++)
        seen++;
    char *tail = strdup(read_back());
    assert_contains(tail, "\"message\":\"through\",\"lost\":");
    assert_int_equal(sscanf(strstr(tail, "\"lost\":"), "\"lost\":%lu}", &lost), 1);
    assert_true(lost > 0);
    assert_int_equal(seen + lost, written);
    free(tail);
    log_line(LOG_INFO, "unit.after", "again");
    assert_lacks(read_back(), "lost");
}

TEST(broken_descriptor)
{
    close(ends[0]);
    log_line(LOG_INFO, "unit.event", "to nobody");
    log_flush();
    log_line(LOG_INFO, "unit.event", "to nobody");
    log_flush();
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    log_init(ends[1], LOG_INFO);
    log_line(LOG_INFO, "unit.event", "back");
    assert_contains(read_back(), "\"message\":\"back\",\"lost\":2}");
}

static void *stray(void *arg)
{
    for (int i = 0; i < 100; i++)
        log_stray(LOG_WARN, "unit.stray", arg);
    return NULL;
}

TEST(stray_lines_from_threads)
{
    char long_message[5000];
    pthread_t thread;
    int lines = 0;
    pthread_create(&thread, NULL, stray, "from a \"thread\"");
    stray("from main");
    pthread_join(thread, NULL);
    read_back();
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        assert_memory_equal(line, "{\"at\":\"2", 8);
        assert_true(strstr(line, "\"message\":\"from a \\\"thread\\\"\"}") ||
                    strstr(line, "\"message\":\"from main\"}"));
    }
    assert_int_equal(lines, 200);
    memset(long_message, '\n', sizeof long_message - 1);
    long_message[sizeof long_message - 1] = 0;
    log_stray(LOG_WARN, "unit.stray", long_message);
    read_back();
    assert_string_equal(text + strlen(text) - 5, "\\n\"}\n");
}
