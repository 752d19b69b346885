#include "script_fixture.h"
#include "log.h"
#include "shared.h"

static int set_up(void **state)
{
    script_open();
    script_core.shared = shared_new();
    return 0;
}

static int tear_down(void **state)
{
    shared_free(script_core.shared);
    script_close();
    return 0;
}

static void test_log_lines(void **state)
{
    char lines[1024] = "";
    FILE *file = tmpfile();
    log_init(fileno(file), LOG_INFO);
    script_run("api_shared", "log_lines");
    log_flush();
    assert_true(pread(fileno(file), lines, sizeof lines - 1, 0) > 0);
    log_init(STDERR_FILENO, LOG_INFO);
    fclose(file);
    assert_non_null(strstr(lines, "\"level\":\"info\",\"event\":\"test.line\",\"a\":true,\"api_"
                                  "token\":\"***\",\"b\":\"x\\n\",\"half\":0.5,\"z\":1}\n"));
    assert_null(strstr(lines, "canary"));
    assert_null(strstr(lines, "not.seen"));
}

#define CASE(name) SCRIPT_CASE("api_shared", name)

static const struct CMUnitTest tests[] = { CASE(shared), CASE(time_to_live), CASE(shared_misuse),
                                           TEST(test_log_lines), CASE(log_misuse) };

TEST_GROUP(api_shared, tests, NULL, NULL)
