#include "script_fixture.h"
#include "store.h"

static void carry(void *arg, void (*fn)(void *arg), void *fn_arg)
{
    loop_post(arg, fn, fn_arg);
}

SET_UP()
{
    char *message = NULL;
    test_make_folder();
    script_open();
    script_core.store = store_open(test_path("journal.db"), carry, script_core.loop, &message);
    assert_true(script_core.store);
}

TEAR_DOWN()
{
    store_close(script_core.store);
    script_close();
    test_remove_folder();
}

TEST_GROUP("api_store", FIXTURE);

/* A task that is killed leaves its batch running; parallel tasks share commits. */
TEST(killed_and_parallel_tasks)
{
    struct task *task = script_start("api_store", "is_killed_while_it_waits");
    assert_false(script_ended);
    task_kill(task);
    assert_true(script_ended);
    script_run("api_store", "parallel_after_a_kill");
}

static int run_one_statement(lua_State *L)
{
    script_push(L, "api_store", "one_statement");
    lua_call(L, 0, 0);
    return 0;
}

TEST(only_a_task_may_wait)
{
    struct vm_error error;
    assert_int_equal(vm_call(script_vm, run_one_statement, 0, &error), -1);
    if (!strstr(error.message, "only a task may wait")) fail_msg("%s", error.message);
}

SCRIPT_CASES("api_store")
