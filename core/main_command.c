/* A word on the command line: runs scripts/commands/WORD.lua as a program. It has the configuration
 * and the core's modules, and neither server nor journal. What it logs goes to the standard error,
 * warnings and worse; its own lines to the standard output. */
#include "fetch.h"
#include "log.h"
#include "loop.h"
#include "main_parts.h"
#include "task.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARALLEL = 16 };

/* A name, not a path. */
static int exists(const struct portal *portal, const char *word)
{
    char path[4200];
    struct stat info;

    if (!*word || word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_")]) return 0;
    snprintf(path, sizeof path, "%s/scripts/commands/%s.lua", portal->settings.root, word);
    return stat(path, &info) == 0;
}

static int end_module(lua_State *L, int status, lua_KContext unused)
{
    (void)L, (void)status, (void)unused;
    return 1;
}

/* Calls run(arguments) of the module; arguments 1 and 2 are the word and the list. */
static int run_module(lua_State *L)
{
    vm_push_module(L, lua_pushfstring(L, "commands.%s", lua_tostring(L, 1)));
    if (!lua_istable(L, -1) || lua_getfield(L, -1, "run") != LUA_TFUNCTION)
        return luaL_error(L, "scripts/commands/%s.lua has no function run", lua_tostring(L, 1));
    lua_pushvalue(L, 2);
    lua_callk(L, 1, 1, 0, end_module);
    return 1;
}

/* The program's own word for how it ended: nothing or true is 0, false 1, a number itself. */
static int status_of(lua_State *co, int nresults)
{
    if (nresults == 0 || lua_isnil(co, -1)) return 0;
    return lua_isinteger(co, -1) ? (int)lua_tointeger(co, -1) : !lua_toboolean(co, -1);
}

static void on_end(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                   const char *message, void *arg)
{
    struct portal *portal = arg;

    (void)task;
    portal->status = outcome == TASK_OK ? status_of(co, nresults) : 1;
    if (outcome != TASK_OK) fprintf(stderr, "deployer: %s\n", message);
    loop_stop(portal->core.loop);
}

static void push_list(lua_State *L, char *const *texts)
{
    lua_newtable(L);
    for (int i = 0; texts[i]; i++) {
        lua_pushstring(L, texts[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

static void on_signal(void *arg)
{
    struct portal *portal = arg;

    portal->status = 130;
    loop_stop(portal->core.loop);
}

struct start {
    struct portal *portal;
    char *const *argv;
};

/* In the loop, since a program that never waits ends at once, and the loop with it. */
static void start(void *arg)
{
    const struct start *start = arg;
    struct portal *portal = start->portal;
    lua_State *L = vm_state(portal->loading->vm);

    lua_pushcfunction(L, run_module);
    lua_pushstring(L, start->argv[0]);
    push_list(L, start->argv + 1);
    task_spawn(portal->core.loop, L, "command", 2, on_end, portal);
}

int main_command(struct portal *portal, char *const *argv)
{
    struct start first = { portal, argv };
    struct vm_error error;

    log_init(STDERR_FILENO, LOG_WARN);
    if (!exists(portal, argv[0])) {
        fprintf(stderr,
                "deployer: %s: no such command (there is one for each file in scripts/commands/)\n",
                argv[0]);
        return 2;
    }
    portal->loading = script_version_new(&portal->server, &portal->settings, &error);
    if (!portal->loading) {
        fprintf(stderr, "deployer: %s\n", main_error_text(&error));
        return 1;
    }
    portal->core.fetch = fetch_pool_new(portal->core.loop, PARALLEL);
    portal->signals[0] = loop_watch_signal(portal->core.loop, SIGTERM, on_signal, portal);
    portal->signals[1] = loop_watch_signal(portal->core.loop, SIGINT, on_signal, portal);
    loop_defer(portal->core.loop, start, &first);
    return loop_run(portal->core.loop) == 0 ? portal->status : 1;
}
