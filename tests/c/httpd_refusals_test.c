#include "httpd_refusals.h"
#include "log.h"
#include "test.h"

#include <arpa/inet.h>

static int lines[2];

SET_UP()
{
    assert_int_equal(pipe(lines), 0);
    log_init(lines[1], LOG_INFO);
}

TEAR_DOWN()
{
    log_init(2, LOG_ERROR);
    close(lines[0]);
    close(lines[1]);
}

TEST_GROUP("httpd_refusals", FIXTURE);

static int refuse(const char *peer, int status, int times, int64_t now_ms)
{
    struct in6_addr address;
    int logged = 0;
    assert_int_equal(inet_pton(AF_INET6, peer, &address), 1);
    for (int i = 0; i < times; i++)
        logged += httpd_refusal_is_logged(&address, status, now_ms);
    return logged;
}

TEST(first_lines_then_a_count)
{
    char text[4096];
    assert_int_equal(refuse("::ffff:192.0.2.1", 404, 200, 1000), REFUSALS_LINES);
    assert_int_equal(refuse("::ffff:192.0.2.1", 429, 3, 1000), 3); /* another status */
    assert_int_equal(refuse("2001:db8::1", 404, 30, 1000), 30);
    assert_int_equal(refuse("2001:db8::2", 404, 30, 1000), REFUSALS_LINES - 30); /* the same /64 */
    assert_int_equal(httpd_refusals_report(1000 + REFUSALS_MS - 1), 1);
    assert_int_equal(httpd_refusals_report(1000 + REFUSALS_MS), 0);
    log_flush();
    ssize_t len = read(lines[0], text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = '\0';
    assert_contains(text, "\"peer\":\"192.0.2.1\",\"status\":404,\"count\":150}",
                    "\"peer\":\"2001:db8::1\",\"status\":404,\"count\":10}");
    assert_lacks(text, "429");
    assert_int_equal(refuse("::ffff:192.0.2.1", 404, 1, 1000 + REFUSALS_MS), 1); /* a new minute */
    httpd_refusals_report(INT64_MAX);
}
