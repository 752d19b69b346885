#include "script_fixture.h"
#include "fetch.h"
#include "fetch_server.h"
#include "shared.h"

SET_UP()
{
    script_open();
    script_core.fetch = fetch_pool_new(script_core.loop, 4);
    script_core.shared = shared_new();
    shared_set(script_core.shared, "port", 4,
               (struct value){ .type = VALUE_INTEGER, .integer = port }, 0);
    assert_true(script_core.fetch);
}

TEAR_DOWN()
{
    fetch_pool_free(script_core.fetch);
    shared_free(script_core.shared);
    script_close();
}

TEST_GROUP("api_http", FIXTURE, .set_up = serve_all, .tear_down = stop_serving);

TEST(killed_task)
{
    task_kill(script_start("api_http", "is_killed_while_it_waits"));
    assert_true(script_ended);
    script_run("api_http", "after_a_kill");
}

SCRIPT_CASES("api_http")
