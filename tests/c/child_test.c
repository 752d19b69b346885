#include "child.h"
#include "clock.h"
#include "test.h"

#include <signal.h>

/* The children are this program: tests/c/main.c says what they do. */
static struct loop *loop;
static struct child *child;

static void on_change(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

SET_UP()
{
    loop = loop_new();
}

TEAR_DOWN()
{
    child_free(child);
    child = NULL;
    loop_free(loop);
}

TEST_GROUP("child", FIXTURE);

static void start_as(const char *what, const char *input, int64_t timeout_ms, int is_ahead)
{
    const char *arguments[] = { "child", what, NULL }, *environment[] = { "COLOUR=blue", NULL };
    struct child_options options = { .arguments = arguments,
                                     .environment = environment,
                                     .input = input,
                                     .input_len = strlen(input),
                                     .fd = -1,
                                     .timeout_ms = timeout_ms,
                                     .is_ahead = is_ahead };
    child = child_start(loop, &options, on_change, NULL);
    assert_non_null(child);
}

static void start(const char *what, const char *input, int64_t timeout_ms)
{
    start_as(what, input, timeout_ms, 0);
}

static void expect_line(const char *text)
{
    size_t len = 0;
    const char *line;
    while (!(line = child_line(child, &len)) && !child_has_ended(child))
        loop_run(loop);
    if (!text) {
        assert_null(line);
        return;
    }
    assert_non_null(line);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(line, text, len);
}

static void wait_for_end(void)
{
    while (!child_has_ended(child))
        loop_run(loop);
}

TEST(lines_errors_and_status)
{
    start("echo", "one\ntwo\n\nlast", 20000);
    EACH (line, "one", "two", "", "last")
        expect_line(line);
    expect_line(NULL);
    wait_for_end();
    assert_int_equal(child_status(child), 7);
    assert_string_equal(child_errors(child), "COLOUR=blue\n");
    assert_false(child_was_late(child));
}

TEST(one_ahead_begins_when_it_may)
{
    start_as("echo", "", 20000, 1);
    assert_null(child_line(child, &(size_t){ 0 }));
    assert_int_equal(child_go(child, 20000, on_change, NULL), 0);
    expect_line(NULL);
    wait_for_end();
    assert_int_equal(child_status(child), 7);
    assert_int_equal(child_go(child, 20000, on_change, NULL), -1);
}

TEST(input_larger_than_a_pipe)
{
    size_t len = 300000;
    char *text = malloc(len + 1);
    memset(text, 'x', len);
    text[len] = '\0';
    start("echo", text, 20000);
    expect_line(text);
    free(text);
}

TEST(its_time_is_over)
{
    start("hang", "", 50);
    wait_for_end();
    assert_int_equal(child_status(child), -1);
    assert_true(child_was_late(child));
}

TEST(killing)
{
    start("hang", "", 20000);
    expect_line("ready");
    child_kill(child);
    wait_for_end();
    assert_int_equal(child_status(child), -1);
    assert_false(child_was_late(child));
}

TEST(freeing_one_that_runs)
{
    start("hang", "", 20000);
    expect_line("ready");
}
