#include "api.h"
#include "log.h"
#include "loop.h"
#include "scripts.h"
#include "task.h"
#include "vm.h"

#include <fcntl.h>
#include <lauxlib.h>

enum { TURN_MS = 60, PATIENCE_MS = 5000 };

static struct core core;
static struct vm *vm;
static char traced[1024];
static int late;

/* What ended last. */
static struct {
  int count, nresults;
  enum task_outcome outcome;
  char message[2048], value[128];
} ended;

/* --- core.test: what happens is traced; a wait that the test itself ends ---
 */

static struct {
  struct task_ticket ticket;
  int cancelled;
} held;

static int trace(lua_State *L) {
  size_t used = strlen(traced);

  snprintf(traced + used, sizeof traced - used, "%s;",
           luaL_tolstring(L, 1, NULL));
  return 0;
}

static void on_held_cancel(void *op) {
  (void)op;
  held.cancelled++;
}

static int hold(lua_State *L) {
  return task_wait(L, &held.ticket, on_held_cancel, NULL);
}

static int push_text(lua_State *co, void *text) {
  lua_pushstring(co, text);
  return 1;
}

static int wake(lua_State *L) {
  task_wake(held.ticket, push_text, (void *)luaL_checkstring(L, 1));
  return 0;
}

static int open_test(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"trace", trace}, {"hold", hold}, {"wake", wake}, {NULL, NULL}};

  luaL_newlib(L, functions);
  return 1;
}

static const struct vm_module modules[] = {
    {"core.test", open_test}, {"core.task", api_task_open}, {NULL, NULL}};

/* --- the ground --- */

static struct vm *make_vm(void) {
  return vm_new(&(struct vm_options){.folder = scripts_folder,
                                     .modules = modules,
                                     .max_turn_ms = TURN_MS,
                                     .context = &core});
}

static int set_up(void **state) {
  (void)state;
  traced[0] = '\0';
  memset(&ended, 0, sizeof ended);
  memset(&held, 0, sizeof held);
  if (scripts_make() != 0)
    return -1;
  core.loop = loop_new();
  vm = make_vm();
  return core.loop && vm ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  task_kill_all();
  assert_int_equal(task_count(), 0);
  if (vm)
    assert_int_equal(lua_gettop(vm_state(vm)), 0);
  vm_unref(vm);
  vm = NULL;
  loop_free(core.loop);
  scripts_clear();
  return 0;
}

static void on_end(struct task *task, enum task_outcome outcome, lua_State *co,
                   int nresults, const char *message, void *arg) {
  (void)task, (void)arg;
  ended.count++;
  ended.outcome = outcome;
  ended.nresults = nresults;
  snprintf(ended.message, sizeof ended.message, "%s", message ? message : "");
  snprintf(ended.value, sizeof ended.value, "%s",
           nresults > 0 ? luaL_tolstring(co, -1, NULL) : "");
}

static int push_module(lua_State *L) {
  vm_push_module(L, lua_tostring(L, 1));
  return 1;
}

/* Starts a task that runs the text in a file of its own, with `test` and `task`
 * at hand. */
static struct task *start_in(struct vm *where, const char *name,
                             const char *text) {
  static int counter;
  char file[64], module[32], whole[4096];
  struct vm_error error;

  snprintf(module, sizeof module, "test%d", ++counter);
  snprintf(file, sizeof file, "%s.lua", module);
  snprintf(whole, sizeof whole,
           "local test, task = require 'core.test', require 'core.task' local "
           "trace = test.trace return function()\n%s\nend",
           text);
  scripts_write(file, whole);
  lua_pushstring(vm_state(where), module);
  if (vm_call(where, push_module, 1, &error) != 0)
    fail_msg("%s:%d: %s", error.file, error.line, error.message);
  return task_spawn(core.loop, vm_state(where), name, 0, on_end, NULL);
}

static struct task *start(const char *text) { return start_in(vm, NULL, text); }

static void give_up(void *arg) {
  (void)arg;
  late = 1;
  loop_stop(core.loop);
}

static void stop_when_idle(void *arg) {
  (void)arg;
  if (task_count() == 0)
    loop_stop(core.loop);
}

/* Turns the loop until every task has ended. */
static void finish(void) {
  late = 0;
  struct loop_timer *patience =
      loop_timer_new(core.loop, PATIENCE_MS, 0, give_up, NULL);
  struct loop_timer *look =
      loop_timer_new(core.loop, 0, 1, stop_when_idle, NULL);
  loop_run(core.loop);
  loop_timer_free(look);
  loop_timer_free(patience);
  if (late)
    fail_msg("%d tasks have not ended; traced: %s", task_count(), traced);
}

static void stop_now(void *arg) {
  (void)arg;
  loop_stop(core.loop);
}

/* Turns the loop once: what was put off runs. */
static void turn(void) {
  loop_defer(core.loop, stop_now, NULL);
  loop_run(core.loop);
}

static void traces(const char *text, const char *expected) {
  traced[0] = '\0';
  start(text);
  finish();
  if (ended.outcome != TASK_OK)
    fail_msg("%s", ended.message);
  assert_string_equal(traced, expected);
}

static int has(const char *text, const char *part) {
  if (!strstr(text, part))
    fail_msg("\"%s\" is not in: %s", part, text);
  return 1;
}

/* --- life --- */

static void test_results(void **state) {
  (void)state;
  start("return 1, 'two'");
  assert_int_equal(ended.count, 1);
  assert_int_equal(ended.outcome, TASK_OK);
  assert_int_equal(ended.nresults, 2);
  assert_string_equal(ended.value, "two");
}

static void test_failure_has_a_trace(void **state) {
  (void)state;
  start(
      "local function inner() local x = nil return x.y end\ninner() return 1");
  assert_int_equal(ended.outcome, TASK_FAILED);
  has(ended.message, "attempt to index a nil value");
  has(ended.message, "stack traceback");
  has(ended.message, ":3: in function");
  start("error({})");
  assert_int_equal(ended.outcome, TASK_FAILED);
  has(ended.message, "no text");
  start("local s = ('x'):rep(1e9) return s");
  assert_int_equal(ended.outcome, TASK_FAILED);
  has(ended.message, "not enough memory");
  has(ended.message, "stack traceback");
}

static void test_too_long(void **state) {
  (void)state;
  start(
      "local x <close> = setmetatable({}, {__close = function() trace 'closed' "
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

static void test_wait_and_wake(void **state) {
  (void)state;
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
  task_wake((struct task_ticket){NULL, 0}, NULL, NULL);
}

static void test_wake_in_order_after_the_turn(void **state) {
  (void)state;
  traces("for i = 1, 3 do task.spawn(nil, function() trace(i) end) end trace "
         "'first'",
         "first;1;2;3;");
  traces("task.spawn(nil, function() trace(test.hold()) end)\n"
         "task.spawn(nil, function() test.wake 'woken' trace 'waker' end)",
         "waker;woken;");
}

static void test_kill(void **state) {
  (void)state;
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

static void test_children_end_first(void **state) {
  (void)state;
  struct task *task =
      start("local function close(name) return setmetatable({}, {__close = "
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

static void test_names(void **state) {
  struct vm *other = make_vm();

  (void)state;
  struct task *task = start_in(vm, "one", "test.hold()");
  assert_ptr_equal(task_find("one"), task);
  assert_string_equal(task_name(task), "one");
  assert_null(start_in(vm, "one", "return 1"));
  assert_null(start_in(other, "one", "return 1")); /* in all generations */
  assert_null(task_find("two"));
  task_kill(task);
  assert_null(task_find("one"));
  assert_non_null(start_in(other, "one", "return 1"));
  assert_null(task_find("one"));
  vm_unref(other);
}

static void test_vm_lives_with_its_last_task(void **state) {
  (void)state;
  start("local t = {'still here'} test.hold() return t[1]");
  vm_unref(vm);
  vm = NULL;
  task_wake(held.ticket, NULL, NULL);
  assert_string_equal(ended.value, "still here");
}

static void test_no_wait_where_none_can_be(void **state) {
  (void)state;
  start("table.sort({1, 2}, function() test.hold() end)");
  assert_int_equal(ended.outcome, TASK_FAILED);
  has(ended.message, "here nothing may");
  assert_int_equal(held.cancelled, 1);
  assert_null(held.ticket.task);
  struct vm_error error;
  scripts_write("init.lua", "require('core.test').hold()");
  assert_int_equal(vm_run_file(vm, "init.lua", &error), -1);
  has(error.message, "only a task may wait");
  assert_int_equal(error.line, 1);
  assert_int_equal(held.cancelled, 2);
}

static void test_wakers_do_not_starve_the_loop(void **state) {
  (void)state;
  start("local function again() task.spawn(nil, again) end again()");
  struct loop_timer *timer = loop_timer_new(core.loop, 20, 0, stop_now, NULL);
  loop_run(core.loop);
  loop_timer_free(timer);
  assert_true(task_count() > 0);
}

/* --- core.task --- */

static void test_sleep(void **state) {
  int64_t began = loop_now_ms();

  (void)state;
  traces("trace(task.sleep(0.05)) trace(task.sleep(0))", "true;true;");
  assert_true(loop_now_ms() - began >= 49);
  start("task.sleep(-1)");
  has(ended.message, "seconds");
  start("task.sleep(0/0)");
  has(ended.message, "seconds");
}

static void test_run(void **state) {
  (void)state;
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

static void test_all(void **state) {
  (void)state;
  traces("local t = task.all { function() task.sleep(0.02) return 1, nil, 3 "
         "end, function() error 'oops' end, function() end }\n"
         "trace(#t) trace(t[1].n) trace(t[1][3]) trace(t[2][1]) trace(t[2][3]) "
         "trace(t[2].n) trace(t[3].n)",
         "3;3;3;nil;failed;3;0;");
  traces("trace(#task.all {})", "0;");
  struct task *task = start(
      "task.all { function() test.hold() end, function() task.sleep(10) end }");
  turn();
  assert_int_equal(task_count(), 3);
  task_kill(task);
  assert_int_equal(task_count(), 0);
  assert_int_equal(held.cancelled, 1);
  start("task.all { 1 }");
  has(ended.message, "list of functions");
}

static void test_spawn_and_wait(void **state) {
  (void)state;
  traces("local h = task.spawn(nil, function(x) task.sleep(0.02) return x, 2 "
         "end, 1)\n"
         "local a, m, code = h:wait(0.001) trace(code)\n"
         "local b, c = h:wait() trace(b) trace(c)\n"
         "b, c = h:wait() trace(b) trace(h:kill())",
         "timeout;1;2;1;false;");
  traces(
      "local h = task.spawn('named', function() error 'oops' end) "
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

static void test_spawned_outlives_its_starter(void **state) {
  (void)state;
  traces("task.spawn(nil, function() task.sleep(0.01) trace 'after' end) trace "
         "'end'",
         "end;after;");
}

static void test_kill_oneself(void **state) {
  (void)state;
  traces("local h h = task.spawn(nil, function() task.sleep(0) h:kill() trace "
         "'never' end)\n"
         "local a, m, code = h:wait() trace(code)",
         "cancelled;");
  traces(
      "local h h = task.spawn('parent', function() task.run(nil, function() "
      "h:kill() trace 'after the kill' task.sleep(0) trace 'never' end) end)\n"
      "local a, m, code = h:wait() trace(code)",
      "after the kill;cancelled;");
}

static void test_cancel(void **state) {
  (void)state;
  traces(
      "local h = task.spawn('job', function()\n"
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

static void test_cancel_leaves_other_waits(void **state) {
  (void)state;
  traces("local h = task.spawn('job', function() trace(test.hold()) "
         "trace(task.cancelled()) end)\n"
         "task.sleep(0) task.cancel 'job' trace 'asked' test.wake 'in its own "
         "time' h:wait()",
         "asked;in its own time;true;");
}

static void test_lock(void **state) {
  (void)state;
  traces(
      "local function work(name) return function()\n"
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

static void test_lock_of_the_dead(void **state) {
  static const char holder[] =
      "local first = task.spawn(nil, function() task.lock('l', function() "
      "trace 'first' task.sleep(10) end) end)\n"
      "local second = task.spawn(nil, function() task.lock('l', function() "
      "trace 'second' task.sleep(10) end) end)\n"
      "local third = task.spawn(nil, function() task.lock('l', function() "
      "trace 'third' end) end)\n"
      "task.sleep(0.01) ";
  char text[1024];

  (void)state;
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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
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
  int nowhere = open("/dev/null", O_WRONLY);

  log_init(nowhere, LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
