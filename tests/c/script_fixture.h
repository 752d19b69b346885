/* Runs Lua in tasks of a vm with the real bindings. Each function cases.NAME() of tests/c/FILE.lua
 * is a test, which fails when it raises; parts.NAME() is a part of a test in C. */
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

/* Pushes the function `name` of one of the two tables that tests/c/FILE.lua returns. */
static inline void script_push(lua_State *L, const char *file, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/c/%s.lua", file);
    if (luaL_loadfilex(L, path, "t") != LUA_OK || lua_pcall(L, 0, 2, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    if (lua_getfield(L, -2, name) == LUA_TNIL && lua_istable(L, -2)) lua_getfield(L, -2, name);
    if (!lua_isfunction(L, -1)) fail_msg("%s has no function %s", path, name);
    lua_replace(L, 1);
    lua_settop(L, 1);
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

struct script_case {
    const char *file;
    char name[64];
};

static inline void script_run_case(void **state)
{
    const struct script_case *script_case = *state;
    script_run(script_case->file, script_case->name);
}

/* Adds the cases of tests/c/FILE.lua to the group. */
static inline void script_add_cases(struct test_group *group, const char *file)
{
    char path[128], line[256];
    struct script_case found = { .file = file };
    snprintf(path, sizeof path, "tests/c/%s.lua", file);
    FILE *lua = fopen(path, "r");
    while (lua && fgets(line, sizeof line, lua))
        if (sscanf(line, "function cases.%63[a-z0-9_]()", found.name) == 1) {
            struct script_case *one = memcpy(malloc(sizeof found), &found, sizeof found);
            test_add(group, one->name, script_run_case, one);
        }
    if (lua) fclose(lua);
}

#define SCRIPT_CASES(file)                                                                         \
    __attribute__((constructor)) static void add_cases(void)                                       \
    {                                                                                              \
        script_add_cases(&test_group, file);                                                       \
    }

/* A group that has only the cases of a file. */
#define SCRIPT_GROUP(file)                                                                         \
    SET_UP()                                                                                       \
    {                                                                                              \
        script_open();                                                                             \
    }                                                                                              \
    TEAR_DOWN()                                                                                    \
    {                                                                                              \
        script_close();                                                                            \
    }                                                                                              \
    TEST_GROUP(file, FIXTURE);                                                                     \
    SCRIPT_CASES(file)
#endif
