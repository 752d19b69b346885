/* deployer: the program. Read this file from the bottom: main() reads the arguments; run() creates
 * the parts, in the order of start_portal(), and runs the loop; everything else is called by it.
 *
 *   main_scripts   loads config.lua, scripts/ and www/, and reloads them
 *   main_data      DATA_DIR; --backup, --restore
 *   main_command   --check, --health, commands
 *
 * An HTTP request comes in at api_request_serve(), which httpd calls.
 */
#include "bundle.h"
#include "child.h"
#include "clock.h"
#include "env.h"
#include "fetch.h"
#include "httpd.h"
#include "limiter.h"
#include "log.h"
#include "loop.h"
#include "main_portal.h"
#include "mem.h"
#include "metrics.h"
#include "secret.h"
#include "shared.h"
#include "sse.h"
#include "store.h"
#include "task.h"
#include "watch.h"
#include "www.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    MAX_FETCHES = 64,
    LIMITER_KEYS = 65536,
    DRAIN_MS = 8000,
    DRAIN_POLL_MS = 50,
    LAG_INTERVAL_MS = 500,
    EXIT_USAGE = 2,
    EXIT_STUCK = 70
};

static const char help[] =
    "deployer: the AI Stack Deployer portal\n"
    "\n"
    "  deployer [--root DIR]               run the portal\n"
    "  deployer [--root DIR] --rehearsal   run the rehearsal: a simulated Dokploy for machines "
    "without one\n"
    "  deployer [--root DIR] --check       check configuration, scripts and locales, and exit\n"
    "  deployer [--root DIR] COMMAND ...   doctor, bootstrap, rollout, rollback, site, eval, "
    "console\n"
    "  deployer --health [PORT]            ask the portal on this machine whether it is ready "
    "(uses HOST and PORT)\n"
    "  deployer --backup FOLDER            copy the journal and the secret of DATA_DIR to FOLDER; "
    "the portal may be running\n"
    "  deployer --restore FOLDER           restore them; the portal must be stopped\n"
    "  deployer --version | --help\n"
    "\n"
    "DIR (default: the current folder) holds config.lua, scripts/, www/ and locales/. config.lua "
    "documents the settings.\n"
    "SIGHUP reloads the scripts. SIGTERM and SIGINT drain and exit; a second one exits at once.\n";

/* Logs why the portal cannot start. */
static int refuse(const char *message)
{
    log_line(LOG_ERROR, "portal.start_failed", "%s", message);
    return -1;
}

/* --- the end --- */

static void stop(struct portal *portal, int status)
{
    portal->status = status;
    loop_stop(portal->core.loop);
}

static struct {
    struct loop_timer *timer;
    int64_t end_us;
} drain;

static void check_drained(void *arg)
{
    struct portal *portal = arg;
    int pending = httpd_pending(portal->core.httpd);
    if (pending > 0 && clock_now_us() < drain.end_us) return;
    if (pending > 0)
        log_line(LOG_WARN, "portal.cut", "%d requests did not finish in time and are cut", pending);
    stop(portal, 0);
}

/* Refuses new connections, lets requests finish, asks streams to reconnect. Deployments continue
 * from the journal at the next start. */
static void on_terminate(void *arg)
{
    struct portal *portal = arg;
    if (portal->server.draining) _exit(1);
    portal->server.draining = 1;
    log_line(LOG_INFO, "portal.draining", "requests have %d s to finish", DRAIN_MS / 1000);
    if (!portal->core.httpd) {
        stop(portal, 0);
        return;
    }
    httpd_drain(portal->core.httpd);
    sse_drain(portal->core.sse);
    drain.end_us = clock_now_us() + DRAIN_MS * 1000;
    drain.timer = loop_timer_new(portal->core.loop, 1, DRAIN_POLL_MS, check_drained, portal);
}

static void on_hangup(void *arg)
{
    struct portal *portal = arg;
    if (portal->server.draining || !portal->server.current) return;
    if (portal->settings.is_rehearsal)
        log_line(LOG_INFO, "rehearsal.no_reload", "the rehearsal does not reload; restart it");
    else
        main_reload(portal);
}

/* In the reverse order of the start. */
static void close_all(struct portal *portal)
{
    struct core *core = &portal->core;
    watch_free(portal->watch);
    loop_timer_free(drain.timer);
    task_kill_all();
    script_version_retire(&portal->server);
    if (core->sse) sse_free(core->sse);
    if (core->httpd) httpd_free(core->httpd);
    if (core->fetch) fetch_pool_free(core->fetch);
    if (core->store) store_close(core->store);
    if (core->www) www_free(core->www);
    bundle_unref(portal->site);
    free(portal->site_folder);
    shared_free(core->shared);
    limiter_free(core->limiter);
    env_free();
    metrics_free();
    loop_free(core->loop);
    if (portal->lock >= 0) close(portal->lock);
}

/* --- fatal signals --- */

/* The process exits, for Docker or systemd to restart it; the journal says where each deployment
 * was. These run in signal handlers: no allocation, no locks. */

/* A script does not return from one C function, such as a pattern match that backtracks for ever.
 */
static void on_stuck(const struct bundle *site)
{
    main_data_note_stuck(site);
    log_stray(LOG_ERROR, "portal.stuck",
              "a script does not return from a library function, most likely a pattern that is too "
              "expensive; the process exits with status 70, to be started again");
    _exit(EXIT_STUCK);
}

/* The disk failed under a mapped file, on the thread that touched the page. SQLite maps the
 * journal's index, which cannot be on the heap because --backup shares it. */
static void on_bus_error(int signo)
{
    log_stray(LOG_ERROR, "portal.disk_failed",
              "a file in use disappeared from the disk, most likely journal.db-shm in DATA_DIR: "
              "the disk is full or failing, or someone changed the file (make room, or fix the "
              "disk); the process exits with status 70, to be started again");
    _exit(EXIT_STUCK);
}

static void handle_fatal_signals(void)
{
    struct sigaction action = { .sa_handler = on_bus_error };
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGBUS, &action, NULL);
    vm_on_stuck(on_stuck);
}

/* --- lag of the loop --- */

static struct {
    struct loop_timer *timer;
    struct metrics_family *family;
    int64_t due_us;
} lag;

static void measure_lag(void *unused)
{
    int64_t now_us = clock_now_us(), late_us = now_us - lag.due_us;
    metrics_record(lag.family, NULL, late_us > 0 ? (double)late_us / 1e6 : 0);
    lag.due_us = now_us + LAG_INTERVAL_MS * 1000;
}

static void start_lag(struct loop *loop)
{
    lag.family = metrics_declare(
        "deployer_loop_lag_seconds", METRICS_HISTOGRAM,
        "How late the event loop calls what is due; measured twice a second", NULL, 0);
    lag.due_us = clock_now_us() + LAG_INTERVAL_MS * 1000;
    lag.timer = loop_timer_new(loop, LAG_INTERVAL_MS, LAG_INTERVAL_MS, measure_lag, NULL);
}

/* --- the start --- */

static void flush_log(void *unused)
{
    log_flush();
}

/* What also --check and commands need. */
static void prepare(struct portal *portal, const char *root, int is_rehearsal)
{
    struct core *core = &portal->core;
    *portal = (struct portal){ .lock = -1 };
    portal->settings.root = root;
    portal->settings.is_rehearsal = is_rehearsal;
    portal->server.core = core;
    portal->server.modules = api_modules;
    portal->server.root = root;
    portal->server.started_at = api_clock();
    portal->server.replace = main_replace;
    portal->server.arg = portal;
    portal->server.init = is_rehearsal ? "rehearsal/init.lua" : "init.lua";
    core->loop = mem_must(loop_new());
    core->shared = shared_new();
    core->limiter = limiter_new(LIMITER_KEYS);
    core->server = &portal->server;
    core->settings = &portal->settings;
    loop_on_turn_end(core->loop, flush_log, NULL);
}

/* Test modes may not be used in production. */
static int check_mode(const struct settings *settings)
{
    if (!settings->is_production) return 0;
#ifdef TEST_HOOKS
    return refuse("this build has crash points for tests; it does not run in production");
#endif
    if (clock_scale() == 1) return 0;
    return refuse("TIME_SCALE makes time run faster than it does: it is for tests, not for "
                  "production (unset it)");
}

static int open_data(struct portal *portal)
{
    char *message = NULL;
    portal->lock = main_data_open(portal->settings.data_dir);
    if (portal->lock < 0) return -1;
    char *secret = mem_printf("%s/secret", portal->settings.data_dir);
    char *journal = mem_printf("%s/journal.db", portal->settings.data_dir);
    if (secret_open(secret, &message) == 0)
        portal->core.store = store_open(journal, main_post, portal->core.loop, &message);
    free(journal);
    free(secret);
    if (message) refuse(message);
    free(message);
    return portal->core.store ? 0 : -1;
}

static int open_net(struct portal *portal)
{
    struct httpd_limits limits = httpd_default_limits;
    struct core *core = &portal->core;
    /* Twice the limit, so that the scripts can answer a body that is a little too large. */
    limits.max_body_bytes = 2 * portal->settings.max_body;
    limits.max_connections = portal->settings.max_connections;
    core->fetch = fetch_pool_new(core->loop, MAX_FETCHES);
    core->sse = sse_new(core->loop);
    core->httpd = httpd_new(core->loop, &limits, api_request_serve, &portal->server);
    if (core->httpd && limits.max_body_bytes < API_MAX_BODY)
        httpd_take_long_bodies(core->httpd, API_MAX_BODY, api_takes_long_body);
    return core->fetch && core->sse && core->httpd ? 0 : refuse("out of memory or of descriptors");
}

/* Goes on without the installation's own files, because they do not load; the scripts then put the
 * last good version of them into force. Returns 0 when there are none. */
static int drop_site(struct portal *portal, const struct vm_error *error)
{
    if (portal->site->count == 0) return 0;
    script_version_reject(&portal->server, error);
    bundle_unref(portal->site);
    portal->site = bundle_new();
    return 1;
}

/* A version that has read config.lua; NULL after logging why it cannot. */
static struct script_version *read_config(struct portal *portal)
{
    struct vm_error error;
    struct script_version *scripts;
    do
        scripts = script_version_new(&portal->server, &portal->settings, portal->site, &error);
    while (!scripts && drop_site(portal, &error));
    if (!scripts) refuse(main_error_text(&error));
    return scripts;
}

/* Loads www/ and the scripts and puts them into force. Frees `scripts` on failure. */
static int load_all(struct portal *portal, struct script_version *scripts)
{
    struct vm_error error;
    while (scripts && (main_is_stuck_site(portal, &error) ||
                       main_load_www(portal, portal->site, &error) != 0 ||
                       script_version_load(scripts, &error) != 0)) {
        script_version_free(scripts);
        www_free(portal->core.www);
        portal->core.www = NULL;
        if (!drop_site(portal, &error)) return refuse(main_error_text(&error));
        scripts = read_config(portal);
    }
    if (!scripts) return -1;
    script_version_activate(scripts);
    return 0;
}

/* Everything in the order in which it can be refused. config.lua is read first, because it says
 * where the rest is; the scripts run last, because they use all of it. */
static int start_portal(struct portal *portal)
{
    struct vm_error error;
    if (main_open_site(portal, &error) != 0) script_version_reject(&portal->server, &error);
    struct script_version *scripts = read_config(portal);
    if (!scripts) return -1;
    portal->settings = scripts->settings;
    log_init(STDOUT_FILENO, (enum log_level)portal->settings.log_level);
    if (portal->settings.is_production) prctl(PR_SET_DUMPABLE, 0);
    int rc = check_mode(&portal->settings);
    if (rc == 0) rc = open_data(portal);
    if (rc == 0) main_data_take_stuck(portal);
    if (rc == 0) rc = open_net(portal);
    if (rc == 0) return load_all(portal, scripts);
    script_version_free(scripts);
    return -1;
}

/* The URL is one to open: 0.0.0.0 listens on every address but is not one. */
static void log_listening(const struct settings *settings, int port)
{
    const char *host = main_reachable(settings->host);
    char url[300];
    snprintf(url, sizeof url, strchr(host, ':') ? "http://[%s]:%d" : "http://%s:%d", host, port);
    if (!log_begin(LOG_INFO, settings->is_rehearsal ? "rehearsal.listening" : "portal.listening"))
        return;
    log_int("port", port);
    log_str("url", url);
    log_str("host", settings->host);
    log_str("version", VERSION);
    log_int("pid", getpid());
    if (clock_scale() != 1) log_num("timeScale", clock_scale());
    log_end();
}

static void refuse_address(const struct settings *settings, int error)
{
    const char *before = "set ", *name = "PORT", *after = " to another port";
    if (error == EADDRINUSE)
        before = "stop the program that listens there, or set ";
    else if (error == EACCES)
        after = " to a port above 1023; the lower ones are reserved for root";
    else if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)
        name = "HOST", after = " to an address of this machine: 127.0.0.1, or 0.0.0.0 for all";
    log_line(LOG_ERROR, "portal.start_failed", "cannot listen on %s port %d: %s (%s%s%s%s)",
             settings->host, settings->port, strerror(error), before,
             settings->is_rehearsal ? "REHEARSAL_" : "", name, after);
}

/* The on_start functions of the scripts have run; `message` says which failed, or is NULL. */
static void on_started(const char *message, void *arg)
{
    struct portal *portal = arg;
    const struct settings *settings = &portal->settings;
    if (portal->server.draining) return;
    int port = message ? -1 : httpd_listen(portal->core.httpd, settings->host, settings->port);
    if (message) refuse(message);
    if (!message && port < 0) refuse_address(settings, errno);
    if (port < 0) {
        stop(portal, 1);
        return;
    }
    log_listening(settings, port);
    main_watch(portal);
    start_lag(portal->core.loop);
}

/* Runs the portal, or the rehearsal, until a signal ends it. Returns the exit status. */
static int run(struct portal *portal)
{
    struct loop *loop = portal->core.loop;
    if (start_portal(portal) != 0) return 1;
    struct loop_watch *terminate = loop_watch_signal(loop, SIGTERM, on_terminate, portal);
    struct loop_watch *interrupt = loop_watch_signal(loop, SIGINT, on_terminate, portal);
    struct loop_watch *hangup = loop_watch_signal(loop, SIGHUP, on_hangup, portal);
    script_version_start(portal->server.current, on_started, portal);
    if (loop_run(loop) != 0) {
        refuse("the event loop cannot run");
        portal->status = 1;
    }
    loop_timer_free(lag.timer);
    loop_watch_free(hangup);
    loop_watch_free(interrupt);
    loop_watch_free(terminate);
    if (portal->status == 0)
        log_line(LOG_INFO, portal->settings.is_rehearsal ? "rehearsal.ended" : "portal.ended",
                 "ended in good order");
    return portal->status;
}

/* --- arguments --- */

struct arguments {
    const char *root;
    int is_rehearsal, is_check, is_health;
    const char *health_port;         /* or NULL */
    int (*copy)(const char *folder); /* --backup or --restore, or NULL */
    const char *copy_folder;
    char *const *command; /* its name and arguments, ending with NULL; or NULL */
};

static void print_and_exit(const char *text)
{
    fputs(text, stdout);
    exit(0);
}

static void refuse_argument(const char *argument, const char *problem)
{
    fprintf(stderr, "deployer: %s: %s\n\n%s", argument, problem, help);
    exit(EXIT_USAGE);
}

/* The folder after the option argv[*i]. */
static const char *read_folder(char **argv, int *i)
{
    if (!argv[*i + 1]) refuse_argument(argv[*i], "a folder must follow");
    return argv[++*i];
}

static struct arguments read_arguments(char **argv)
{
    struct arguments arguments = { .root = "." };
    for (int i = 1; argv[i] && !arguments.command; i++) {
        const char *option = argv[i];
        if (strcmp(option, "--help") == 0) print_and_exit(help);
        if (strcmp(option, "--version") == 0) print_and_exit("deployer " VERSION "\n");
        if (strcmp(option, "--rehearsal") == 0) {
            arguments.is_rehearsal = 1;
        } else if (strcmp(option, "--check") == 0) {
            arguments.is_check = 1;
        } else if (strcmp(option, "--health") == 0) {
            arguments.is_health = 1;
            if (argv[i + 1]) arguments.health_port = argv[++i];
        } else if (strcmp(option, "--backup") == 0) {
            arguments.copy = main_data_backup;
            arguments.copy_folder = read_folder(argv, &i);
        } else if (strcmp(option, "--restore") == 0) {
            arguments.copy = main_data_restore;
            arguments.copy_folder = read_folder(argv, &i);
        } else if (strcmp(option, "--root") == 0) {
            arguments.root = read_folder(argv, &i);
        } else if (option[0] != '-') {
            arguments.command = argv + i;
        } else {
            refuse_argument(option, "unknown option");
        }
    }
    return arguments;
}

int main(int argc, char **argv)
{
    static struct portal portal;
    struct arguments arguments = read_arguments(argv);
    int status;
    mallopt(M_ARENA_MAX, 1); /* the journal's thread allocates little: 0.2 MB less when idle */
    handle_fatal_signals();
    if (arguments.is_health) return main_health(arguments.health_port);
    if (arguments.copy) return arguments.copy(arguments.copy_folder);
    log_init(arguments.is_check ? STDERR_FILENO : STDOUT_FILENO, LOG_INFO);
    if (clock_scale_set(getenv("TIME_SCALE")) != 0) {
        refuse("TIME_SCALE must be a number from 1 to 1000 (unset it outside of tests)");
        log_flush();
        return 1;
    }
    if (child_follow_parent() != 0) return 1;
    prepare(&portal, arguments.root, arguments.is_rehearsal);
    if (arguments.command)
        status = main_command(&portal, arguments.command);
    else if (arguments.is_check)
        status = main_check(&portal);
    else
        status = run(&portal);
    close_all(&portal);
    log_flush();
    return status;
}
