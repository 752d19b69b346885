/* Runs Lua in tasks of a vm with the real bindings. A case is a function of tests/c/NAME.lua; one
 * that raises fails the test. */
#ifndef SCRIPT_FIXTURE_H
#define SCRIPT_FIXTURE_H
#include "api.h"
#include "loop.h"
#include "task.h"
#include "test.h"
#include "vm.h"
#include <lauxlib.h>

static struct core script_core;
static struct vm *script_vm;
static char script_failure[4096];
static int script_ended;

static inline void script_open(void)
{
    script_core.loop = loop_new();
    script_vm = vm_new(&(struct vm_options){ .folder = "/nowhere",
                                             .modules = api_modules,
                                             .max_turn_ms = 20000,
                                             .context = &script_core });
    assert_non_null(script_vm);
}

static inline void script_close(void)
{
    vm_unref(script_vm);
    loop_free(script_core.loop);
    memset(&script_core, 0, sizeof script_core);
}

static inline void script_on_end(struct task *task, enum task_outcome outcome, lua_State *co,
                                 int nresults, const char *message, void *arg)
{
    (void)task, (void)co, (void)nresults, (void)arg;
    script_failure[0] = '\0';
    if (outcome != TASK_OK) snprintf(script_failure, sizeof script_failure, "%s", message);
    script_ended = 1;
    loop_stop(script_core.loop);
}

/* Pushes the function `name` of the table that tests/c/FILE.lua returns. */
static inline void script_push(lua_State *L, const char *file, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/c/%s.lua", file);
    if (luaL_loadfilex(L, path, "t") != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    if (lua_getfield(L, -1, name) != LUA_TFUNCTION) fail_msg("%s has no case %s", path, name);
    lua_remove(L, -2);
}

/* Starts the case; it may still be waiting when this returns. */
static inline struct task *script_start(const char *file, const char *name)
{
    script_ended = 0;
    lua_State *L = vm_state(script_vm);
    script_push(L, file, name);
    return task_spawn(script_core.loop, L, NULL, 0, script_on_end, NULL);
}

/* Runs it to its end. */
static inline void script_run(const char *file, const char *name)
{
    script_start(file, name);
    while (!script_ended)
        loop_run(script_core.loop);
    if (script_failure[0]) fail_msg("%s", script_failure);
}

/* A test that is only a case: its name is what the state is set to. */
struct script_case {
    const char *file, *name;
};

static inline void script_run_case(void **state)
{
    const struct script_case *script_case = *state;
    script_run(script_case->file, script_case->name);
}

#define SCRIPT_CASE(file_name, case_name)                                                          \
    {                                                                                              \
        .name = #case_name, .test_func = script_run_case, .setup_func = set_up,                    \
        .teardown_func = tear_down, .initial_state = &(struct script_case)                         \
        {                                                                                          \
            file_name, #case_name                                                                  \
        }                                                                                          \
    }
#endif
