#include "main_portal.h"
#include "bundle.h"
#include "env.h"
#include "fetch.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "store.h"
#include "task.h"
#include "vm_chunks.h"
#include "www.h"

#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <unistd.h>

enum { MAX_FETCHES = 16, HEALTH_SECONDS = 3, EXIT_INTERRUPTED = 130 };

/* The address that the portal answers readiness probes at; the same for every installation. */
#define READY_PATH "/ready"

/* --- --check --- */

/* Whether a further line of a text is a mistake of its own, "site/policy/names.lua: ...", as each
 * line is of a table with several mistakes. */
static int begins_mistake(const char *line)
{
    static const char of_paths[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    size_t len = strspn(line, of_paths);
    return line[len] == ':' && memchr(line, '.', len);
}

/* Prints what is wrong, a line for each mistake; other lines of its text are indented below it.
 * Returns how many mistakes there are. */
static int print_mistakes(const char *text)
{
    int count = 0;
    do {
        size_t len = strcspn(text, "\n");
        int is_next = count == 0 || begins_mistake(text);
        fprintf(stderr, "%s%.*s\n", is_next ? "" : "  ", (int)len, text);
        count += is_next;
        text += len + (text[len] == '\n');
    } while (*text);
    return count;
}

static int report(const struct vm_error *error)
{
    return print_mistakes(main_error_text(error));
}

static int call_checks(lua_State *L)
{
    struct script_version *version = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, version->on_check);
    lua_call(L, 0, 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    return 1;
}

/* The registered function returns a list of sentences. Returns how many problems there are. */
static int run_checks(struct script_version *version)
{
    struct vm_error error = { 0 };
    lua_State *L = vm_state(version->vm);
    int count = 0, problems = 0;
    if (version->on_check == LUA_NOREF) return 0;
    version->is_loading = 1; /* files that are only loaded now may register, too */
    lua_pushlightuserdata(L, version);
    if (vm_call(version->vm, call_checks, 1, &error) != 0) return report(&error);
    while (lua_rawgeti(L, -1, ++count) == LUA_TSTRING) {
        problems += print_mistakes(lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    return problems;
}

/* Loads the scripts that begin with `init` and runs their checks. Returns how many problems there
 * are. */
static int check_scripts(struct portal *portal, const char *init, int is_rehearsal)
{
    struct vm_error error;
    portal->server.init = init;
    portal->settings.is_rehearsal = is_rehearsal;
    struct script_version *version =
        script_version_new(&portal->server, &portal->settings, portal->site, &error);
    int is_loaded = version && script_version_load(version, &error) == 0;
    int problems = is_loaded ? run_checks(version) : report(&error);
    script_version_free(version);
    return problems;
}

/* Loads what an edit of the installation's files does not change, and waits for these. What is
 * wrong with it shows in the check itself. */
static void check_ahead(struct portal *portal)
{
    struct vm_error error;
    char end;
    vm_chunks_keep();
    struct script_version *version =
        script_version_new(&portal->server, &portal->settings, NULL, &error);
    if (version && main_load_www(portal, NULL, &error) == 0) script_version_load(version, &error);
    script_version_free(version);
    www_free(portal->core.www);
    portal->core.www = NULL;
    while (read(STDIN_FILENO, &end, 1) < 0 && errno == EINTR)
        ;
}

int main_check(struct portal *portal)
{
    struct vm_error error;
    if (env_get("CHECK_AHEAD")) check_ahead(portal);
    int problems = main_open_site(portal, &error) == 0 ? 0 : report(&error);
    if (main_load_www(portal, portal->site, &error) != 0) problems += report(&error);
    problems += check_scripts(portal, "init.lua", 0);
    /* what is tried before it is in force cannot change the rehearsal */
    int is_candidate = env_get("SITE_FD") != NULL;
    if (problems == 0 && !is_candidate) problems = check_scripts(portal, "rehearsal/init.lua", 1);
    if (problems > 0)
        fprintf(stderr, "check: %d to fix\n", problems);
    else
        printf("check: configuration, scripts and locales are good\n");
    return problems > 0;
}

/* --- a command --- */

static int is_command(const struct portal *portal, const char *folder, const char *name)
{
    if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")]) return 0;
    char *path = mem_printf("%s/scripts/%s/%s.lua", portal->settings.root, folder, name);
    int exists = access(path, R_OK) == 0;
    free(path);
    return exists;
}

static int return_result(lua_State *L, int status, lua_KContext unused)
{
    (void)L, (void)status, (void)unused;
    return 1;
}

/* Calls run(arguments) of the module. Arguments: its name and the list. */
static int run_module(lua_State *L)
{
    vm_push_module(L, lua_tostring(L, 1));
    if (!lua_istable(L, -1) || lua_getfield(L, -1, "run") != LUA_TFUNCTION)
        return luaL_error(L, "%s has no function run", lua_tostring(L, 1));
    lua_pushvalue(L, 2);
    lua_callk(L, 1, 1, 0, return_result);
    return 1;
}

/* The command's result as an exit status: nil and true are 0, false is 1, an integer is itself. */
static int status_of(lua_State *co, int nresults)
{
    if (nresults == 0 || lua_isnil(co, -1)) return 0;
    return lua_isinteger(co, -1) ? (int)lua_tointeger(co, -1) : !lua_toboolean(co, -1);
}

static void on_command_end(struct task *task, enum task_outcome outcome, lua_State *co,
                           int nresults, const char *message, void *arg)
{
    struct portal *portal = arg;
    if (outcome == TASK_CANCELLED) return; /* a signal ended it, and has set the status */
    portal->status = outcome == TASK_OK ? status_of(co, nresults) : 1;
    if (outcome != TASK_OK) fprintf(stderr, "deployer: %s\n", message);
    loop_stop(portal->core.loop);
}

static void on_signal(void *arg)
{
    struct portal *portal = arg;
    portal->status = EXIT_INTERRUPTED;
    loop_stop(portal->core.loop);
}

struct command {
    struct portal *portal;
    struct script_version *version;
    char *const *argv;
    int is_remote;
};

/* Called by the loop, because a command that never waits ends at once and stops it. */
static void start_command(void *arg)
{
    const struct command *command = arg;
    lua_State *L = vm_state(command->version->vm);
    lua_pushcfunction(L, run_module);
    lua_pushfstring(L, command->is_remote ? "commands.remote.%s" : "commands.%s", command->argv[0]);
    lua_newtable(L);
    for (int i = 1; command->argv[i]; i++) {
        lua_pushstring(L, command->argv[i]);
        lua_rawseti(L, -2, i);
    }
    task_spawn(command->portal->core.loop, L, "command", 2, on_command_end, command->portal);
}

/* --- the journal, for a command that looks into it --- */

static char copy_folder[] = "/tmp/deployer.XXXXXX";
static int has_copy;

/* Opens a copy of the journal as it is now, which the command may also change: the portal keeps its
 * own. */
static struct store *open_copy(void *arg)
{
    struct portal *portal = arg;
    struct store *store = NULL;
    char *from = mem_printf("%s/journal.db", portal->settings.data_dir);
    char *message = NULL;
    if (!has_copy) has_copy = mkdtemp(copy_folder) != NULL;
    char *to = mem_printf("%s/journal.db", copy_folder);
    if (has_copy && store_copy(from, to, &message) == 0)
        store = store_open(to, main_post, portal->core.loop, &message);
    if (message) fprintf(stderr, "deployer: %s\n", message);
    free(message);
    free(to);
    free(from);
    return store;
}

static void remove_copy(struct portal *portal)
{
    if (!has_copy) return;
    if (portal->core.store) store_close(portal->core.store);
    portal->core.store = NULL;
    for (int i = 0; i < 3; i++) {
        static const char *const endings[] = { "", "-wal", "-shm" };
        char *path = mem_printf("%s/journal.db%s", copy_folder, endings[i]);
        unlink(path);
        free(path);
    }
    rmdir(copy_folder);
}

/* Commands in commands/remote/ are for a portal elsewhere, so they must run where the configuration
 * and the files of one are missing: with what a rehearsal needs, and no files. */
static struct script_version *load_command(struct portal *portal, int is_remote,
                                           struct vm_error *error)
{
    if (is_remote) portal->site = bundle_new();
    portal->settings.is_rehearsal = is_remote;
    if (!is_remote && main_open_site(portal, error) != 0) return NULL;
    return script_version_new(&portal->server, &portal->settings, portal->site, error);
}

int main_command(struct portal *portal, char *const *argv)
{
    struct loop *loop = portal->core.loop;
    struct vm_error error;
    log_init(STDERR_FILENO, LOG_WARN); /* the standard output is the command's */
    int is_remote = is_command(portal, "commands/remote", argv[0]);
    if (!is_remote && !is_command(portal, "commands", argv[0])) {
        fprintf(
            stderr,
            "deployer: %s: no such command in %s/scripts/commands (--root names the folder that "
            "holds scripts/)\n",
            argv[0], portal->settings.root);
        return 2;
    }
    struct script_version *version = load_command(portal, is_remote, &error);
    if (!version) {
        fprintf(stderr, "deployer: %s\n", main_error_text(&error));
        return 1;
    }
    struct command command = { portal, version, argv, is_remote };
    portal->settings = version->settings;
    portal->server.open_store = open_copy;
    portal->core.fetch = fetch_pool_new(loop, MAX_FETCHES);
    struct loop_watch *terminate = loop_watch_signal(loop, SIGTERM, on_signal, portal);
    struct loop_watch *interrupt = loop_watch_signal(loop, SIGINT, on_signal, portal);
    loop_defer(loop, start_command, &command);
    if (loop_run(loop) != 0) portal->status = 1;
    task_kill_all();
    script_version_free(version);
    remove_copy(portal);
    loop_watch_free(interrupt);
    loop_watch_free(terminate);
    return portal->status;
}

/* --- --health --- */

const char *main_reachable(const char *host)
{
    if (strcmp(host, "0.0.0.0") == 0) return "127.0.0.1";
    return strcmp(host, "::") == 0 ? "::1" : host;
}

struct probe {
    struct loop *loop;
    const char *host, *port;
    int status;
};

static void on_probed(const struct fetch_result *result, void *arg)
{
    struct probe *probe = arg;
    loop_stop(probe->loop);
    probe->status = result->status != 200;
    if (result->code && !result->sent)
        fprintf(stderr, "health: nothing answers at %s port %s\n", probe->host, probe->port);
    else if (result->code)
        fprintf(stderr, "health: no answer from %s port %s within %d s\n", probe->host, probe->port,
                HEALTH_SECONDS);
    else if (probe->status != 0)
        fprintf(stderr, "health: not ready: %s\n", result->body);
}

int main_health(const char *port)
{
    struct loop *loop = mem_must(loop_new());
    struct fetch_pool *pool = mem_must(fetch_pool_new(loop, 1));
    const char *host = env_get("HOST");
    char *bare = mem_text(!host ? "127.0.0.1" : *host == '[' ? host + 1 : host);
    bare[strcspn(bare, "]")] = '\0';
    struct probe probe = { .loop = loop, .host = main_reachable(bare), .port = port };
    if (!port) probe.port = env_get("PORT") ? env_get("PORT") : "3000";
    int is_ipv6 = strchr(probe.host, ':') != NULL;
    char *url = mem_printf(is_ipv6 ? "http://[%s]:%s" READY_PATH : "http://%s:%s" READY_PATH,
                           probe.host, probe.port);
    struct fetch_options options = { .url = url, .timeout_ms = HEALTH_SECONDS * 1000 };
    fetch_start(pool, &options, on_probed, &probe);
    free(url);
    if (loop_run(loop) != 0) probe.status = 1;
    fetch_pool_free(pool);
    loop_free(loop);
    free(bare);
    return probe.status;
}
