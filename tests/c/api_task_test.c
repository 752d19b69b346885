#include "script_fixture.h"

enum { TURN_MS = 60 };

static int set_up(void **state)
{
    script_open();
    vm_limit(script_vm, 0, TURN_MS);
    return 0;
}

static int tear_down(void **state)
{
    task_kill_all();
    script_close();
    return 0;
}

#define CASE(name) SCRIPT_CASE("api_task", name)

static const struct CMUnitTest tests[] = {
    CASE(sleep),
    CASE(run_returns_results),
    CASE(run_ends_at_its_deadline),
    CASE(run_reports_failures),
    CASE(all),
    CASE(all_ends_with_its_caller),
    CASE(spawn_and_wait),
    CASE(names),
    CASE(a_spawned_task_outlives_its_starter),
    CASE(kill_oneself),
    CASE(cancel),
    CASE(a_shielded_task_cannot_be_cancelled),
    CASE(cancel_leaves_other_waits),
    CASE(lock),
    CASE(a_killed_task_gives_up_its_lock),
    CASE(a_stopped_task_gives_up_its_lock),
};

TEST_GROUP(api_task, tests, NULL, NULL)
