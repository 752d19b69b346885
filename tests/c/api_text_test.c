#include "script_fixture.h"

SET_UP()
{
    script_open();
}

TEAR_DOWN()
{
    script_close();
}

TEST_GROUP("api_text", FIXTURE);

SCRIPT_CASES("api_text")
