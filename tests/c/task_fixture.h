/* tasks: a vm on a loop, and scripts run in it as tasks, for the tests of task and of core.task. */
#ifndef TASK_FIXTURE_H
#define TASK_FIXTURE_H
#include "task.h"
#include "api.h"
#include "log.h"
#include "loop.h"
#include "scripts_fixture.h"
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

static inline int trace(lua_State *L)
{
    size_t used = strlen(traced);

    snprintf(traced + used, sizeof traced - used, "%s;", luaL_tolstring(L, 1, NULL));
    return 0;
}

static inline void on_held_cancel(void *op)
{
    (void)op;
    held.cancelled++;
}

static inline int hold(lua_State *L)
{
    return task_wait(L, &held.ticket, on_held_cancel, NULL);
}

static inline int push_text(lua_State *co, void *text)
{
    lua_pushstring(co, text);
    return 1;
}

static inline int wake(lua_State *L)
{
    task_wake(held.ticket, push_text, (void *)luaL_checkstring(L, 1));
    return 0;
}

static inline int open_test(lua_State *L)
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

/* --- the ground --- */

static inline struct vm *make_vm(void)
{
    return vm_new(&(struct vm_options){
        .folder = scripts_folder, .modules = modules, .max_turn_ms = TURN_MS, .context = &core });
}

static inline int set_up(void **state)
{
    traced[0] = '\0';
    memset(&ended, 0, sizeof ended);
    memset(&held, 0, sizeof held);
    if (scripts_make() != 0) return -1;
    core.loop = loop_new();
    vm = make_vm();
    return core.loop && vm ? 0 : -1;
}

static inline int tear_down(void **state)
{
    task_kill_all();
    assert_int_equal(task_count(), 0);
    if (vm) assert_int_equal(lua_gettop(vm_state(vm)), 0);
    vm_unref(vm);
    vm = NULL;
    loop_free(core.loop);
    scripts_clear();
    return 0;
}

static inline void on_end(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                          const char *message, void *arg)
{
    (void)task, (void)arg;
    ended.count++;
    ended.outcome = outcome;
    ended.nresults = nresults;
    snprintf(ended.message, sizeof ended.message, "%s", message ? message : "");
    snprintf(ended.value, sizeof ended.value, "%s",
             nresults > 0 ? luaL_tolstring(co, -1, NULL) : "");
}

static inline int push_module(lua_State *L)
{
    vm_push_module(L, lua_tostring(L, 1));
    return 1;
}

/* Starts a task that runs the text in a file of its own, with `test` and `task`
 * at hand. */
static inline struct task *start_in(struct vm *where, const char *name, const char *text)
{
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

static inline struct task *start(const char *text)
{
    return start_in(vm, NULL, text);
}

static inline void give_up(void *arg)
{
    late = 1;
    loop_stop(core.loop);
}

static inline void stop_when_idle(void *arg)
{
    if (task_count() == 0) loop_stop(core.loop);
}

/* Turns the loop until every task has ended. */
static inline void finish(void)
{
    late = 0;
    struct loop_timer *patience = loop_timer_new(core.loop, PATIENCE_MS, 0, give_up, NULL);
    struct loop_timer *look = loop_timer_new(core.loop, 0, 1, stop_when_idle, NULL);
    loop_run(core.loop);
    loop_timer_free(look);
    loop_timer_free(patience);
    if (late) fail_msg("%d tasks have not ended; traced: %s", task_count(), traced);
}

static inline void stop_now(void *arg)
{
    loop_stop(core.loop);
}

/* Turns the loop once: what was put off runs. */
static inline void turn(void)
{
    loop_defer(core.loop, stop_now, NULL);
    loop_run(core.loop);
}

static inline void traces(const char *text, const char *expected)
{
    traced[0] = '\0';
    start(text);
    finish();
    if (ended.outcome != TASK_OK) fail_msg("%s", ended.message);
    assert_string_equal(traced, expected);
}

static inline int has(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("\"%s\" is not in: %s", part, text);
    return 1;
}
#endif
