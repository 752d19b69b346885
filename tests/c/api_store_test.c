#include "script_fixture.h"
#include "store.h"

static void carry(void *arg, void (*fn)(void *arg), void *fn_arg)
{
    loop_post(arg, fn, fn_arg);
}

static int set_up(void **state)
{
    char *message = NULL;
    if (test_make_folder() != 0) return -1;
    script_open();
    script_core.store = store_open(test_path("journal.db"), carry, script_core.loop, &message);
    return script_core.store ? 0 : -1;
}

static int tear_down(void **state)
{
    store_close(script_core.store);
    script_close();
    return test_remove_folder();
}

/* A task that is killed leaves its batch running; parallel tasks share commits. */
static void test_killed_and_parallel_tasks(void **state)
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

static void test_only_a_task_may_wait(void **state)
{
    struct vm_error error;
    assert_int_equal(vm_call(script_vm, run_one_statement, 0, &error), -1);
    if (!strstr(error.message, "only a task may wait")) fail_msg("%s", error.message);
}

#define CASE(name) SCRIPT_CASE("api_store", name)

static const struct CMUnitTest tests[] = {
    CASE(values),
    CASE(failures),
    CASE(misuse),
    CASE(migrations),
    TEST(test_killed_and_parallel_tasks),
    TEST(test_only_a_task_may_wait),
};

TEST_GROUP(api_store, tests, NULL, NULL)
