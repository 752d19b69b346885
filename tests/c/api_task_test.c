#include "script_fixture.h"

enum { TURN_MS = 60 };

SET_UP()
{
    script_open();
    vm_limit(script_vm, 0, TURN_MS);
}

TEAR_DOWN()
{
    task_kill_all();
    script_close();
}

TEST_GROUP("api_task", FIXTURE);

SCRIPT_CASES("api_task")
