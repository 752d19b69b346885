#include "env.h"
#include "log.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

static char path[96], log_text[4096];
static int log_pipe[2];

SET_UP()
{
    test_make_folder();
    assert_int_equal(pipe2(log_pipe, O_NONBLOCK), 0);
    snprintf(path, sizeof path, "%s", test_path("token"));
    log_init(log_pipe[1], LOG_WARN);
    setenv("TOKEN_FILE", path, 1);
    unsetenv("TOKEN");
}

TEAR_DOWN()
{
    env_free();
    close(log_pipe[0]);
    close(log_pipe[1]);
    test_remove_folder();
}

/* What was logged since the last call. */
static const char *logged(void)
{
    log_flush();
    ssize_t got = read(log_pipe[0], log_text, sizeof log_text - 1);
    log_text[got > 0 ? got : 0] = '\0';
    return log_text;
}

/* Replaces the file, as programs that rotate a secret do. */
static void write_secret(const char *text)
{
    const char *fresh = test_path("token.new");
    test_write("token.new", text);
    chmod(fresh, 0600);
    assert_int_equal(rename(fresh, path), 0);
}

static void token_is(const char *text)
{
    assert_string_equal(env_secret("TOKEN"), text);
}

TEST_GROUP("env", FIXTURE);

TEST(variables)
{
    setenv("PLAIN", "value", 1);
    setenv("EMPTY", "", 1);
    assert_string_equal(env_get("PLAIN"), "value");
    assert_null(env_get("EMPTY"));
    assert_null(env_get("NO_SUCH_VARIABLE"));
    assert_null(env_secret("NO_SUCH_SECRET"));
}

TEST(secret_of_a_variable)
{
    setenv("TOKEN", "hush", 1);
    const char *in_environment = getenv("TOKEN");
    token_is("hush");
    assert_null(getenv("TOKEN"));
    assert_string_equal(in_environment, ""); /* /proc shows these bytes */
    token_is("hush");
    assert_string_equal(env_get("TOKEN"), "hush");
}

TEST(secret_of_a_file)
{
    write_secret("one\r\n\n");
    token_is("one");
    assert_null(env_get("TOKEN"));
    assert_string_equal(env_get("TOKEN_FILE"), path);
    write_secret("two"), token_is("two");
    assert_string_equal(logged(), "");
}

TEST(the_last_value_stays)
{
    write_secret("one"), token_is("one");
    unlink(path);
    token_is("one");
    assert_contains(logged(), "No such file");
    token_is("one");
    assert_string_equal(logged(), ""); /* each error is logged once */
    write_secret("two"), token_is("two");
}

/* "echo two > file" empties the file first: an error only if it stays empty. */
TEST(a_file_that_is_being_written)
{
    write_secret("one"), token_is("one");
    assert_int_equal(truncate(path, 0), 0);
    token_is("one");
    assert_string_equal(logged(), "");
    write_secret("two"), token_is("two");
    write_secret("\n");
    for (int i = 0; i < 1000 && !strstr(logged(), "the file is empty"); i++) {
        token_is("two");
        usleep(10000);
    }
    assert_contains(log_text, "the file is empty");
    write_secret("three"), token_is("three");
}

TEST(a_file_that_is_missing)
{
    unlink(path);
    assert_null(env_secret("TOKEN"));
    assert_contains(logged(), "there is no value");
    write_secret("late"), token_is("late");
}

TEST(settings_that_cannot_work)
{
    char why[1024];
    assert_int_equal(env_secret_check("UNSET", why, sizeof why), 0);
    unlink(path);
    assert_int_equal(env_secret_check("TOKEN", why, sizeof why), -1);
    assert_contains(why, path, "unset TOKEN_FILE");
    write_secret("one");
    assert_int_equal(env_secret_check("TOKEN", why, sizeof why), 0);
    unlink(path);
    assert_int_equal(env_secret_check("TOKEN", why, sizeof why), 0); /* the last value stays */
    env_free();
    setenv("TOKEN", "of the variable", 1);
    assert_int_equal(env_secret_check("TOKEN", why, sizeof why), -1);
    assert_contains(why, "both set");
}

TEST(what_is_around_a_value_is_removed)
{
    static const struct {
        const char *text, *value;
        int is_cleaned;
    } cases[] = {
        { "\xef\xbb\xbfhush\n", "hush", 1 },
        { "\"hush\"\n", "hush", 1 },
        { "'hush'", "hush", 1 },
        { " hush \t\r\n", "hush", 1 },
        { "\xef\xbb\xbf \"hush \" \r\n", "hush", 1 },
        { "\"hush", "\"hush", 0 }, /* no pair */
        { "hu\"s\"h'\r\n", "hu\"s\"h'", 0 },
        { "\"", "\"", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int is_cleaned = cases[i].is_cleaned;
        write_secret(cases[i].text);
        assert_string_equal(env_secret("TOKEN"), cases[i].value);
        assert_int_equal(strstr(logged(), "were removed") != NULL, is_cleaned);
        assert_int_equal(strstr(log_text, path) != NULL, is_cleaned);
        assert_null(strstr(log_text, "hush"));
        setenv("PLAIN", cases[i].text, 1);
        assert_string_equal(env_get("PLAIN"), cases[i].value);
        assert_int_equal(strstr(logged(), "PLAIN: ") != NULL, is_cleaned);
        assert_string_equal(env_get("PLAIN"), cases[i].value);
        assert_string_equal(logged(), ""); /* once */
    }
    setenv("PLAIN", "\"\"", 1);
    assert_null(env_get("PLAIN"));
}

TEST(a_file_that_is_not_text)
{
    char why[1024];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, "\xff\xfeo\0n\0", 6), 6);
    close(fd);
    assert_int_equal(env_secret_check("TOKEN", why, sizeof why), -1);
    assert_contains(why, "UTF-8");
}

TEST(a_file_that_others_can_read)
{
    write_secret("open");
    chmod(path, 0644);
    token_is("open");
    assert_contains(logged(), "chmod o-r");
}
