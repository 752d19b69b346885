/* script: runs Lua in a task of a real vm, with the real bindings, and fails the test when it
 * raises. For the tests of what scripts see. */
#ifndef SCRIPT_FIXTURE_H
#define SCRIPT_FIXTURE_H
#include "api.h"
#include "loop.h"
#include "task.h"
#include "vm.h"
#include "test.h"
#include <lauxlib.h>

static struct core script_core;
static struct vm *script_vm;
static char script_failure[4096];
static int script_ended;

static void script_open(void)
{
    script_core.loop = loop_new();
    script_vm = vm_new(&(struct vm_options){ .folder = "/nowhere",
                                             .modules = api_modules,
                                             .max_turn_ms = 20000,
                                             .context = &script_core });
    assert_non_null(script_vm);
}

static void script_close(void)
{
    vm_unref(script_vm);
    loop_free(script_core.loop);
    memset(&script_core, 0, sizeof script_core);
}

static void script_done(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                        const char *message, void *arg)
{
    (void)task, (void)co, (void)nresults, (void)arg;
    script_failure[0] = 0;
    if (outcome != TASK_OK) snprintf(script_failure, sizeof script_failure, "%s", message);
    script_ended = 1;
    loop_stop(script_core.loop);
}

/* Starts the chunk as a task; it may still be waiting when this returns. */
static struct task *script_start(const char *text)
{
    lua_State *L = vm_state(script_vm);
    script_ended = 0;
    if (luaL_loadbufferx(L, text, strlen(text), "=script", "t") != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    return task_spawn(script_core.loop, L, NULL, 0, script_done, NULL);
}

/* Runs it to its end. */
static void script_run(const char *text)
{
    script_start(text);
    while (!script_ended)
        loop_run(script_core.loop);
    if (script_failure[0]) fail_msg("%s", script_failure);
}
#endif
