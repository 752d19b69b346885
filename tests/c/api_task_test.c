#include "task_fixture.h"

/* --- core.task --- */

static void test_sleep(void **state)
{
    int64_t began = loop_now_ms();

    traces("trace(task.sleep(0.05)) trace(task.sleep(0))", "true;true;");
    assert_true(loop_now_ms() - began >= 49);
    start("task.sleep(-1)");
    has(ended.message, "seconds");
    start("task.sleep(0/0)");
    has(ended.message, "seconds");
}

static void test_run(void **state)
{
    traces("local a, b, c = task.run(1, function(x, y) task.sleep(0.01) return "
           "y, x end, 1, 2) trace(a) trace(b) trace(c)",
           "2;1;nil;");
    traces("local a, m, code = task.run(0.02, function() local x <close> = "
           "setmetatable({}, {__close = function() trace 'closed' end})\n"
           "task.sleep(10) end) trace(a) trace(code)",
           "closed;nil;timeout;");
    traces("local a, m, code = task.run(nil, function() error 'oops' end) "
           "trace(a) trace(code)\n"
           "trace(m:find('oops', 1, true) ~= nil) trace(m:find('stack "
           "traceback', 1, true) ~= nil)",
           "nil;failed;true;true;");
    traces("local a, m, code = task.run(nil, function() while true do end end) "
           "trace(code)",
           "failed;");
    traces("local n = select('#', task.run(nil, function() end)) trace(n)", "0;");
    start("task.run(1, 'no function')");
    has(ended.message, "function expected");
}

static void test_all(void **state)
{
    traces("local t = task.all { function() task.sleep(0.02) return 1, nil, 3 "
           "end, function() error 'oops' end, function() end }\n"
           "trace(#t) trace(t[1].n) trace(t[1][3]) trace(t[2][1]) trace(t[2][3]) "
           "trace(t[2].n) trace(t[3].n)",
           "3;3;3;nil;failed;3;0;");
    traces("trace(#task.all {})", "0;");
    struct task *task =
        start("task.all { function() test.hold() end, function() task.sleep(10) end }");
    turn();
    assert_int_equal(task_count(), 3);
    task_kill(task);
    assert_int_equal(task_count(), 0);
    assert_int_equal(held.cancelled, 1);
    start("task.all { 1 }");
    has(ended.message, "list of functions");
}

static void test_spawn_and_wait(void **state)
{
    traces("local h = task.spawn(nil, function(x) task.sleep(0.02) return x, 2 "
           "end, 1)\n"
           "local a, m, code = h:wait(0.001) trace(code)\n"
           "local b, c = h:wait() trace(b) trace(c)\n"
           "b, c = h:wait() trace(b) trace(h:kill())",
           "timeout;1;2;1;false;");
    traces("local h = task.spawn('named', function() error 'oops' end) "
           "trace(task.alive 'named')\n"
           "local no, m, code = task.spawn('named', print) trace(no) trace(code)\n"
           "local a, m, code = h:wait() trace(a) trace(code) trace(task.alive "
           "'named')",
           "true;nil;conflict;nil;failed;false;");
    traces("local h = task.spawn(nil, function() task.sleep(10) end) "
           "trace(h:kill()) trace(h:kill())\n"
           "local a, m, code = h:wait() trace(code)",
           "true;false;cancelled;");
}

static void test_spawned_outlives_its_starter(void **state)
{
    traces("task.spawn(nil, function() task.sleep(0.01) trace 'after' end) trace "
           "'end'",
           "end;after;");
}

static void test_kill_oneself(void **state)
{
    traces("local h h = task.spawn(nil, function() task.sleep(0) h:kill() trace "
           "'never' end)\n"
           "local a, m, code = h:wait() trace(code)",
           "cancelled;");
    traces("local h h = task.spawn('parent', function() task.run(nil, function() "
           "h:kill() trace 'after the kill' task.sleep(0) trace 'never' end) end)\n"
           "local a, m, code = h:wait() trace(code)",
           "after the kill;cancelled;");
}

static void test_cancel(void **state)
{
    traces("local h = task.spawn('job', function()\n"
           "  local ok, m, code = task.run(10, function() local x <close> = "
           "setmetatable({}, {__close = function() trace 'closed' end}) "
           "task.sleep(10) end)\n"
           "  trace(code) trace(task.cancelled())\n"
           "  ok, m, code = task.sleep(10) trace(code)\n"
           "  ok, m, code = task.run(10, function() trace 'never' end) trace(code)\n"
           "  task.shield() trace(task.cancelled()) trace(task.sleep(0.001)) "
           "trace(task.run(1, function() return 'undone' end))\n"
           "end)\n"
           "task.sleep(0.01) trace(task.cancel 'job') trace(task.cancel 'nobody') "
           "h:wait()\n",
           "true;false;closed;cancelled;true;cancelled;cancelled;false;true;"
           "undone;");
    traces("local h = task.spawn('job', function() task.shield() "
           "trace(task.sleep(0.02)) end)\n"
           "task.sleep(0) trace(task.cancel 'job') h:wait()",
           "true;true;");
}

static void test_cancel_leaves_other_waits(void **state)
{
    traces("local h = task.spawn('job', function() trace(test.hold()) "
           "trace(task.cancelled()) end)\n"
           "task.sleep(0) task.cancel 'job' trace 'asked' test.wake 'in its own "
           "time' h:wait()",
           "asked;in its own time;true;");
}

static void test_lock(void **state)
{
    traces("local function work(name) return function()\n"
           "  return task.lock('l', function(x) trace('+' .. name) "
           "task.sleep(0.005) trace('-' .. name) return x, 'b' end, name) end end\n"
           "local t = task.all { work 'a', work 'b', work 'c' } trace(t[2][1]) "
           "trace(t[3][2])",
           "+a;-a;+b;-b;+c;-c;b;b;");
    traces("trace(pcall(task.lock, 'l', error, 'oops')) trace(task.lock('l', "
           "function() return 'free' end))",
           "false;free;");
    traces("local n = task.lock('one', function() return task.lock('two', "
           "function() return 'both' end) end) trace(n)",
           "both;");
}

static void test_lock_of_the_dead(void **state)
{
    static const char holder[] =
        "local first = task.spawn(nil, function() task.lock('l', function() "
        "trace 'first' task.sleep(10) end) end)\n"
        "local second = task.spawn(nil, function() task.lock('l', function() "
        "trace 'second' task.sleep(10) end) end)\n"
        "local third = task.spawn(nil, function() task.lock('l', function() "
        "trace 'third' end) end)\n"
        "task.sleep(0.01) ";
    char text[1024];

    snprintf(text, sizeof text, "%s second:kill() first:kill() third:wait()",
             holder); /* one that waits, then the holder */
    traces(text, "first;third;");
    snprintf(text, sizeof text, "%s first:kill() second:kill() third:wait()",
             holder); /* one that was just given it and has not run yet */
    traces(text, "first;third;");
    traces("local h = task.spawn(nil, function() task.lock('l', table.sort, {1, "
           "2}, function() while true do end end) end)\n"
           "h:wait() trace(task.lock('l', function() return 'free' end))",
           "free;");
}

static const struct CMUnitTest tests[] = {
    TEST(test_sleep),
    TEST(test_run),
    TEST(test_all),
    TEST(test_spawn_and_wait),
    TEST(test_spawned_outlives_its_starter),
    TEST(test_kill_oneself),
    TEST(test_cancel),
    TEST(test_cancel_leaves_other_waits),
    TEST(test_lock),
    TEST(test_lock_of_the_dead),
};

TEST_GROUP(api_task, tests, NULL, NULL)
