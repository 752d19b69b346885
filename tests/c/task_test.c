#include "task.h"
#include "api.h"
#include "loop.h"
#include "test.h"
#include "vm.h"

#include <lauxlib.h>

enum { TURN_MS = 60, TIMEOUT_MS = 5000 };

static struct core core;
static struct vm *vm;
static char traced[256];

/* The task that ended last. */
static struct {
    int count, nresults;
    enum task_outcome outcome;
    char message[2048], value[128];
} ended;

/* --- core.test: tracing, and a wait that the test ends --- */

static struct {
    struct task_ticket ticket;
    int cancelled;
} held;

static int trace(lua_State *L)
{
    size_t used = strlen(traced);
    snprintf(traced + used, sizeof traced - used, "%s;", luaL_tolstring(L, 1, NULL));
    return 0;
}

static void on_held_cancel(void *op)
{
    held.cancelled++;
}

static int hold(lua_State *L)
{
    return task_wait(L, &held.ticket, on_held_cancel, NULL);
}

static int push_text(lua_State *co, void *text)
{
    lua_pushstring(co, text);
    return 1;
}

static void wake_held(const char *text)
{
    task_wake(held.ticket, push_text, (void *)text);
}

static int wake(lua_State *L)
{
    wake_held(luaL_checkstring(L, 1));
    return 0;
}

static int open_test(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "trace", trace }, { "hold", hold }, { "wake", wake }, { NULL, NULL }
    };
    luaL_newlib(L, functions);
    return 1;
}

static const struct vm_module modules[] = { { "core.test", open_test },
                                            { "core.task", api_task_open },
                                            { NULL, NULL } };

/* --- set-up --- */

static struct vm *make_vm(void)
{
    return vm_new(&(struct vm_options){
        .folder = "/nowhere", .modules = modules, .max_turn_ms = TURN_MS, .context = &core });
}

SET_UP()
{
    traced[0] = '\0';
    memset(&ended, 0, sizeof ended);
    memset(&held, 0, sizeof held);
    core.loop = loop_new();
    vm = make_vm();
    assert_true(core.loop);
}

TEAR_DOWN()
{
    task_kill_all();
    assert_int_equal(task_count(), 0);
    if (vm) assert_int_equal(lua_gettop(vm_state(vm)), 0);
    vm_unref(vm);
    loop_free(core.loop);
}

static void on_end(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                   const char *message, void *arg)
{
    ended.count++;
    ended.outcome = outcome;
    ended.nresults = nresults;
    snprintf(ended.message, sizeof ended.message, "%s", message ? message : "");
    snprintf(ended.value, sizeof ended.value, "%s",
             nresults > 0 ? luaL_tolstring(co, -1, NULL) : "");
}

/* Pushes a function: the text, after a line that names `test`, `task`, `trace` and `on_close`. */
static void push_function(lua_State *L, const char *text)
{
    static const char start[] =
        "local test, task = require 'core.test', require 'core.task' local trace = test.trace "
        "local function on_close(fn) return setmetatable({}, { __close = fn }) end\n";
    char whole[2048];
    snprintf(whole, sizeof whole, "%s%s", start, text);
    if (luaL_loadbufferx(L, whole, strlen(whole), "=test", "t") != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
}

static struct task *start_in(struct vm *where, const char *name, const char *text)
{
    push_function(vm_state(where), text);
    return task_spawn(core.loop, vm_state(where), name, 0, on_end, NULL);
}

static struct task *start(const char *text)
{
    return start_in(vm, NULL, text);
}

static void stop_loop(void *arg)
{
    *(int *)arg = 1;
    loop_stop(core.loop);
}

static void stop_when_idle(void *arg)
{
    if (task_count() == 0) loop_stop(core.loop);
}

/* Runs the text to its end, with all the tasks that it starts, and compares what they traced. */
static void traces(const char *text, const char *expected)
{
    int is_late = 0;
    traced[0] = '\0';
    start(text);
    struct loop_timer *timeout = loop_timer_new(core.loop, TIMEOUT_MS, 0, stop_loop, &is_late);
    struct loop_timer *poll = loop_timer_new(core.loop, 0, 1, stop_when_idle, NULL);
    loop_run(core.loop);
    loop_timer_free(poll);
    loop_timer_free(timeout);
    if (is_late) fail_msg("%d tasks have not ended; traced: %s", task_count(), traced);
    if (ended.outcome != TASK_OK) fail_msg("%s", ended.message);
    assert_string_equal(traced, expected);
}

/* Runs what was deferred. */
static void turn(void)
{
    int unused;
    loop_defer(core.loop, stop_loop, &unused);
    loop_run(core.loop);
}

static void fails(const char *text, const char *part)
{
    start(text);
    assert_int_equal(ended.outcome, TASK_FAILED);
    assert_contains(ended.message, part);
}

/* --- tests --- */

TEST_GROUP("task", FIXTURE);

TEST(results)
{
    start("return 1, 'two'");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.outcome, TASK_OK);
    assert_int_equal(ended.nresults, 2);
    assert_string_equal(ended.value, "two");
}

TEST(failure_has_a_trace)
{
    fails("local function inner() local x = nil return x.y end\ninner() return 1",
          "attempt to index a nil value");
    assert_contains(ended.message, "stack traceback", ":3: in main chunk");
    fails("error({})", "not a string");
    fails("local s = ('x'):rep(1e9) return s", "not enough memory");
    assert_contains(ended.message, "stack traceback");
}

static void stops(const char *text)
{
    start(text);
    assert_int_equal(ended.outcome, TASK_STOPPED);
}

TEST(too_long)
{
    stops("local x <close> = on_close(function() trace 'closed' end)\n"
          "while true do pcall(function() while true do end end) end");
    assert_contains(ended.message, ":3: in function");
    assert_string_equal(traced, "closed;");
    stops("local x <close> = on_close(function() while true do end end) while true do end");
    stops("table.sort({1, 2, 3}, function() while true do end end)");
    start("return 1");
    assert_int_equal(ended.outcome, TASK_OK);
}

TEST(wait_and_wake)
{
    start("trace(test.hold()) return test.hold()");
    struct task_ticket first = held.ticket;
    wake_held("one");
    assert_string_equal(traced, "one;");
    task_wake(first, push_text, "stale"); /* it waits for something else now */
    assert_int_equal(ended.count, 0);
    struct task_ticket second = held.ticket;
    wake_held("two");
    assert_string_equal(ended.value, "two");
    task_wake(second, push_text, "late"); /* it has ended */
    start("return test.hold()");          /* most likely in the same memory */
    task_wake(second, push_text, "late");
    assert_int_equal(ended.count, 1);
    task_wake((struct task_ticket){ NULL, 0 }, NULL, NULL);
}

TEST(wake_in_order_after_the_turn)
{
    traces("for i = 1, 3 do task.spawn(nil, function() trace(i) end) end trace 'first'",
           "first;1;2;3;");
    traces("task.spawn(nil, function() trace(test.hold()) end)\n"
           "task.spawn(nil, function() test.wake 'woken' trace 'waker' end)",
           "waker;woken;");
}

TEST(kill)
{
    struct task *task =
        start("local x <close> = on_close(function() trace 'closed' end) test.hold()");
    assert_int_equal(task_count(), 1);
    task_kill(task);
    assert_int_equal(task_count(), 0);
    assert_int_equal(held.cancelled, 1);
    assert_int_equal(ended.outcome, TASK_CANCELLED);
    assert_string_equal(traced, "closed;");
    wake_held("late");
    assert_int_equal(ended.count, 1);
}

TEST(killed_inside_xpcall_leaves_no_handler)
{
    task_kill(start("xpcall(test.hold, function() end)"));
    fails("error('plain', 0)", "plain");
}

TEST(children_end_first)
{
    struct task *task = start("local function nest(names)\n"
                              "  local x <close> = on_close(function() trace(names[1]) end)\n"
                              "  if not names[2] then return test.hold() end\n"
                              "  task.run(nil, nest, { table.unpack(names, 2) })\n"
                              "end\n"
                              "nest { 'parent', 'child', 'grandchild' }");
    turn();
    turn();
    assert_int_equal(task_count(), 3);
    task_kill(task);
    assert_int_equal(task_count(), 0);
    assert_int_equal(held.cancelled, 1);
    assert_string_equal(traced, "grandchild;child;parent;");
}

TEST(names)
{
    struct vm *other = make_vm();
    struct task *task = start_in(vm, "one", "test.hold()");
    assert_ptr_equal(task_find("one"), task);
    assert_null(start_in(vm, "one", "return 1"));
    assert_null(start_in(other, "one", "return 1")); /* in all versions of the scripts */
    assert_null(task_find("two"));
    task_kill(task);
    assert_null(task_find("one"));
    assert_non_null(start_in(other, "one", "return 1"));
    assert_null(task_find("one"));
    vm_unref(other);
}

TEST(vm_lives_with_its_last_task)
{
    start("local t = {'still here'} test.hold() return t[1]");
    vm_unref(vm);
    vm = NULL;
    task_wake(held.ticket, NULL, NULL);
    assert_string_equal(ended.value, "still here");
}

static int call_hold(lua_State *L)
{
    push_function(L, "test.hold()");
    lua_call(L, 0, 0);
    return 0;
}

TEST(no_wait_where_none_can_be)
{
    struct vm_error error;
    fails("table.sort({1, 2}, function() test.hold() end)", "may not be called inside table.sort");
    assert_int_equal(held.cancelled, 1);
    assert_null(held.ticket.task);
    assert_int_equal(vm_call(vm, call_hold, 0, &error), -1);
    assert_contains(error.message, "test:2: this function waits, and only a task may wait");
    assert_int_equal(held.cancelled, 2);
}

TEST(wakers_do_not_starve_the_loop)
{
    int unused;
    start("local function again() task.spawn(nil, again) end again()");
    struct loop_timer *timer = loop_timer_new(core.loop, 20, 0, stop_loop, &unused);
    loop_run(core.loop);
    loop_timer_free(timer);
    assert_true(task_count() > 0);
}
