#include "task_fixture.h"

/* --- life --- */

static void test_results(void **state)
{
    start("return 1, 'two'");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.outcome, TASK_OK);
    assert_int_equal(ended.nresults, 2);
    assert_string_equal(ended.value, "two");
}

static void test_failure_has_a_trace(void **state)
{
    start("local function inner() local x = nil return x.y end\ninner() return 1");
    assert_int_equal(ended.outcome, TASK_FAILED);
    has(ended.message, "attempt to index a nil value");
    has(ended.message, "stack traceback");
    has(ended.message, ":3: in function");
    start("error({})");
    assert_int_equal(ended.outcome, TASK_FAILED);
    has(ended.message, "not a string");
    start("local s = ('x'):rep(1e9) return s");
    assert_int_equal(ended.outcome, TASK_FAILED);
    has(ended.message, "not enough memory");
    has(ended.message, "stack traceback");
}

static void test_too_long(void **state)
{
    start("local x <close> = setmetatable({}, {__close = function() trace 'closed' "
          "end})\nwhile true do pcall(function() while true do end end) end");
    assert_int_equal(ended.outcome, TASK_STOPPED);
    has(ended.message, ":3: in function");
    assert_string_equal(traced, "closed;");
    start("local x <close> = setmetatable({}, {__close = function() while true "
          "do end end})\nwhile true do end");
    assert_int_equal(ended.outcome, TASK_STOPPED);
    start("table.sort({1, 2, 3}, function() while true do end end)");
    assert_int_equal(ended.outcome, TASK_STOPPED);
    start("return 1");
    assert_int_equal(ended.outcome, TASK_OK);
}

static void test_wait_and_wake(void **state)
{
    start("trace(test.hold()) return test.hold()");
    struct task_ticket first = held.ticket;
    task_wake(first, push_text, "one");
    assert_string_equal(traced, "one;");
    task_wake(first, push_text, "stale"); /* it waits for something else now */
    assert_int_equal(ended.count, 0);
    struct task_ticket second = held.ticket;
    task_wake(second, push_text, "two");
    assert_string_equal(ended.value, "two");
    task_wake(second, push_text, "late"); /* it has ended */
    start("return test.hold()");          /* most likely in the same place */
    task_wake(second, push_text, "late");
    assert_int_equal(ended.count, 1);
    task_wake((struct task_ticket){ NULL, 0 }, NULL, NULL);
}

static void test_wake_in_order_after_the_turn(void **state)
{
    traces("for i = 1, 3 do task.spawn(nil, function() trace(i) end) end trace "
           "'first'",
           "first;1;2;3;");
    traces("task.spawn(nil, function() trace(test.hold()) end)\n"
           "task.spawn(nil, function() test.wake 'woken' trace 'waker' end)",
           "waker;woken;");
}

static void test_kill(void **state)
{
    struct task *task = start("local x <close> = setmetatable({}, {__close = "
                              "function() trace 'closed' end}) test.hold()");
    assert_int_equal(task_count(), 1);
    task_kill(task);
    assert_int_equal(task_count(), 0);
    assert_int_equal(held.cancelled, 1);
    assert_int_equal(ended.outcome, TASK_CANCELLED);
    assert_string_equal(traced, "closed;");
    task_wake(held.ticket, push_text, "late");
    assert_int_equal(ended.count, 1);
}

static void test_children_end_first(void **state)
{
    struct task *task = start("local function close(name) return setmetatable({}, {__close = "
                              "function() trace(name) end}) end\n"
                              "local x <close> = close 'parent'\n"
                              "task.run(nil, function() local y <close> = close 'child'\n"
                              "  task.run(nil, function() local z <close> = close 'grandchild' "
                              "test.hold() end) end)");
    turn();
    turn();
    assert_int_equal(task_count(), 3);
    task_kill(task);
    assert_int_equal(task_count(), 0);
    assert_int_equal(held.cancelled, 1);
    assert_string_equal(traced, "grandchild;child;parent;");
}

static void test_names(void **state)
{
    struct vm *other = make_vm();

    struct task *task = start_in(vm, "one", "test.hold()");
    assert_ptr_equal(task_find("one"), task);
    assert_null(start_in(vm, "one", "return 1"));
    assert_null(start_in(other, "one", "return 1")); /* in all generations */
    assert_null(task_find("two"));
    task_kill(task);
    assert_null(task_find("one"));
    assert_non_null(start_in(other, "one", "return 1"));
    assert_null(task_find("one"));
    vm_unref(other);
}

static void test_vm_lives_with_its_last_task(void **state)
{
    start("local t = {'still here'} test.hold() return t[1]");
    vm_unref(vm);
    vm = NULL;
    task_wake(held.ticket, NULL, NULL);
    assert_string_equal(ended.value, "still here");
}

static void test_no_wait_where_none_can_be(void **state)
{
    start("table.sort({1, 2}, function() test.hold() end)");
    assert_int_equal(ended.outcome, TASK_FAILED);
    has(ended.message, "may not be called inside table.sort");
    assert_int_equal(held.cancelled, 1);
    assert_null(held.ticket.task);
    struct vm_error error;
    scripts_write("init.lua", "require('core.test').hold()");
    assert_int_equal(vm_run_file(vm, "init.lua", &error), -1);
    has(error.message, "only a task may wait");
    assert_int_equal(error.line, 1);
    assert_int_equal(held.cancelled, 2);
}

static void test_wakers_do_not_starve_the_loop(void **state)
{
    start("local function again() task.spawn(nil, again) end again()");
    struct loop_timer *timer = loop_timer_new(core.loop, 20, 0, stop_now, NULL);
    loop_run(core.loop);
    loop_timer_free(timer);
    assert_true(task_count() > 0);
}

static const struct CMUnitTest tests[] = {
    TEST(test_results),
    TEST(test_failure_has_a_trace),
    TEST(test_too_long),
    TEST(test_wait_and_wake),
    TEST(test_wake_in_order_after_the_turn),
    TEST(test_kill),
    TEST(test_children_end_first),
    TEST(test_names),
    TEST(test_vm_lives_with_its_last_task),
    TEST(test_no_wait_where_none_can_be),
    TEST(test_wakers_do_not_starve_the_loop),
};

TEST_GROUP(task, tests, NULL, NULL)
