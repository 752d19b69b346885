#include "script_fixture.h"
#include "log.h"
#include "shared.h"

SET_UP()
{
    script_open();
    script_core.shared = shared_new();
}

TEAR_DOWN()
{
    shared_free(script_core.shared);
    script_close();
}

TEST_GROUP("api_shared", FIXTURE);

TEST(log_lines)
{
    char lines[1024] = "";
    FILE *file = tmpfile();
    log_init(fileno(file), LOG_INFO);
    script_run("api_shared", "log_lines");
    log_flush();
    assert_true(pread(fileno(file), lines, sizeof lines - 1, 0) > 0);
    log_init(STDERR_FILENO, LOG_INFO);
    fclose(file);
    assert_contains(lines, "\"level\":\"info\",\"event\":\"test.line\",\"a\":true,\"api_"
                           "token\":\"***\",\"b\":\"x\\n\",\"half\":0.5,\"z\":1}\n");
    assert_contains(lines, "\"event\":\"What happened: \\\"this\\\"\"}\n");
    assert_lacks(lines, "canary", "not.seen");
}

SCRIPT_CASES("api_shared")
