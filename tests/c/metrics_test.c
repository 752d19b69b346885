/* The text format, and that no client can make the registry grow without end. */
#include "metrics.h"
#include "test.h"

static const char *const one_label[] = { "what" };

static int forget(void **state)
{
    metrics_free();
    return 0;
}

static void expect_text(const char *line)
{
    size_t len;
    char *text = metrics_text(&len), *found = strstr(text, line);
    if (!found) fail_msg("%s is missing in:\n%s", line, text);
    assert_int_equal(strlen(text), len);
    assert_true(found == text || found[-1] == '\n');
    free(text);
}

TEST_GROUP("metrics", .each_tear_down = forget);

TEST(counter)
{
    struct metrics_family *family =
        metrics_declare("a_total", METRICS_COUNTER, "Help", one_label, 1);
    const char *red[] = { "red" }, *blue[] = { "blue" };

    metrics_record(family, red, 1);
    metrics_record(family, red, 2);
    metrics_record(family, blue, 0);
    expect_text("# HELP a_total Help\n# TYPE a_total counter\na_total{what=\"red\"} "
                "3\na_total{what=\"blue\"} 0\n");
}

TEST(values_are_escaped)
{
    const char *bad[] = { "a\"b\\c\nd" };
    metrics_record(metrics_declare("a", METRICS_GAUGE, "Help", one_label, 1), bad, 0.5);
    expect_text("a{what=\"a\\\"b\\\\c\\nd\"} 0.5\n");
}

TEST(histogram)
{
    struct metrics_family *family =
        metrics_declare("a_seconds", METRICS_HISTOGRAM, "Help", NULL, 0);

    metrics_record(family, NULL, 0.001); /* a bound belongs to its own bucket */
    metrics_record(family, NULL, 0.7);
    metrics_record(family, NULL, 1000);
    expect_text("a_seconds_bucket{le=\"0.001\"} 1\n");
    expect_text("a_seconds_bucket{le=\"0.5\"} 1\n");
    expect_text("a_seconds_bucket{le=\"1\"} 2\n");
    expect_text("a_seconds_bucket{le=\"300\"} 2\n");
    expect_text("a_seconds_bucket{le=\"+Inf\"} 3\n");
    expect_text("a_seconds_sum 1000.701\na_seconds_count 3\n");
}

TEST(declared_twice)
{
    struct metrics_family *family = metrics_declare("a", METRICS_GAUGE, "Help", one_label, 1);
    assert_ptr_equal(metrics_declare("a", METRICS_GAUGE, "Help", one_label, 1), family);
    assert_null(metrics_declare("a", METRICS_COUNTER, "Help", one_label, 1));
    assert_null(metrics_declare("a", METRICS_GAUGE, "Help", NULL, 0));
    assert_null(metrics_declare("no name", METRICS_GAUGE, "Help", NULL, 0));
    assert_null(metrics_declare("", METRICS_GAUGE, "Help", NULL, 0));
}

TEST(the_number_of_series_is_limited)
{
    struct metrics_family *family =
        metrics_declare("a_total", METRICS_COUNTER, "Help", one_label, 1);
    char value[32];

    for (int i = 0; i < METRICS_SERIES + 5; i++) {
        snprintf(value, sizeof value, "v%d", i);
        metrics_record(family, (const char *[]){ value }, 1);
    }
    metrics_record(family, (const char *[]){ "v0" }, 1);
    expect_text("a_total{what=\"v0\"} 2\n");
    expect_text("deployer_metrics_dropped_total 5\n");
}

TEST(a_long_value_is_cut)
{
    char value[5000];
    size_t len;
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    metrics_record(metrics_declare("a", METRICS_GAUGE, "Help", one_label, 1),
                   (const char *[]){ value }, 1);
    char *text = metrics_text(&len);
    assert_true(strlen(text) < 2000);
    free(text);
}

TEST(clear)
{
    struct metrics_family *family = metrics_declare("a", METRICS_GAUGE, "Help", one_label, 1);
    size_t len;
    metrics_record(family, (const char *[]){ "old" }, 1);
    metrics_clear(family);
    metrics_record(family, (const char *[]){ "new" }, 1);
    char *text = metrics_text(&len);
    assert_lacks(text, "old");
    assert_contains(text, "a{what=\"new\"} 1\n");
    free(text);
}

/* An alert on a rate misses the first increase of a series that did not exist before. */
TEST(expected_series_start_at_0)
{
    struct metrics_family *family =
        metrics_declare("a_total", METRICS_COUNTER, "Help", one_label, 1);
    metrics_expect(family, (const char *[]){ "red" });
    expect_text("a_total{what=\"red\"} 0\n");
    metrics_record(family, (const char *[]){ "red" }, 2);
    metrics_expect(family, (const char *[]){ "red" });
    expect_text("a_total{what=\"red\"} 2\n");
    metrics_declare("b_total", METRICS_COUNTER, "Help", NULL, 0);
    expect_text("b_total 0\n");
    metrics_declare("b_seconds", METRICS_HISTOGRAM, "Help", NULL, 0);
    expect_text("b_seconds_count 0\n");
}
