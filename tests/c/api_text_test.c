#include "script_fixture.h"

static int set_up(void **state)
{
    script_open();
    return 0;
}

static int tear_down(void **state)
{
    script_close();
    return 0;
}

static const struct CMUnitTest tests[] = {
    SCRIPT_CASE("api_text", plain),
};

TEST_GROUP(api_text, tests, NULL, NULL)
