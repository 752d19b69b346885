/* deployer: reads its arguments, wires the parts together, runs the loop, ends in good order. */
#include "api_request.h"
#include "clock.h"
#include "env.h"
#include "fetch.h"
#include "httpd.h"
#include "limiter.h"
#include "log.h"
#include "loop.h"
#include "main_parts.h"
#include "metrics.h"
#include "secret.h"
#include "shared.h"
#include "sse.h"
#include "store.h"
#include "task.h"
#include "watch.h"
#include "www.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PARALLEL_FETCHES = 64, LIMITED_KEYS = 65536, DRAIN_MS = 8000, DRAIN_LOOK_MS = 50 };

struct arguments {
    const char *root;
    int rehearsal, check, health;
    const char *port;                /* of --health, or NULL */
    int (*copy)(const char *folder); /* --backup or --restore, or NULL */
    const char *folder;              /* of --backup and --restore */
    char *const *command;            /* from the first word on, or NULL */
};

static const char help[] =
    "deployer: the AI Stack Deployer portal\n"
    "\n"
    "  deployer [--root DIR]               runs the portal\n"
    "  deployer [--root DIR] --rehearsal   runs the double of Dokploy that the portal works on "
    "where there is no real one\n"
    "  deployer [--root DIR] --check       checks configuration, scripts and locales, and ends\n"
    "  deployer [--root DIR] COMMAND ...   runs scripts/commands/COMMAND.lua: doctor, bootstrap, "
    "rollout, rollback\n"
    "  deployer --health [PORT]            asks the portal on this machine whether it is ready "
    "(HOST and PORT of the environment)\n"
    "  deployer --backup FOLDER            copies the journal and the secret there, also while the "
    "portal runs (DATA_DIR of the "
    "environment)\n"
    "  deployer --restore FOLDER           puts them back; the portal must be stopped\n"
    "  deployer --version | --help\n"
    "\n"
    "DIR (the current folder if not given) holds config.lua, scripts/, www/ and locales/. What can "
    "be set stands in config.lua.\n"
    "SIGHUP reloads the scripts; SIGTERM or SIGINT ends in good order, a second one at once.\n";

const char *main_error_text(const struct vm_error *error)
{
    static char text[1400];

    if (error->file[0] && error->line > 0)
        snprintf(text, sizeof text, "%s:%d: %s", error->file, error->line, error->message);
    else if (error->file[0])
        snprintf(text, sizeof text, "%s: %s", error->file, error->message);
    else
        snprintf(text, sizeof text, "%s", error->message);
    return text;
}

/* --- arguments --- */

static void say_and_exit(const char *text)
{
    fputs(text, stdout);
    exit(0);
}

static struct arguments read_arguments(int argc, char **argv)
{
    struct arguments arguments = { .root = "." };

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) say_and_exit(help);
        if (strcmp(argv[i], "--version") == 0) say_and_exit("deployer " VERSION "\n");
        if (strcmp(argv[i], "--rehearsal") == 0)
            arguments.rehearsal = 1;
        else if (strcmp(argv[i], "--check") == 0)
            arguments.check = 1;
        else if (strcmp(argv[i], "--health") == 0) {
            arguments.health = 1;
            if (i + 1 < argc) arguments.port = argv[++i];
        } else if ((strcmp(argv[i], "--backup") == 0 || strcmp(argv[i], "--restore") == 0) &&
                   i + 1 < argc) {
            arguments.copy = argv[i][2] == 'b' ? main_backup : main_restore;
            arguments.folder = argv[++i];
        } else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc)
            arguments.root = argv[++i];
        else if (argv[i][0] != '-') {
            arguments.command = argv + i;
            break;
        } else {
            int bare = strcmp(argv[i], "--root") == 0 || strcmp(argv[i], "--backup") == 0 ||
                       strcmp(argv[i], "--restore") == 0;
            fprintf(stderr, "deployer: %s: %s\n\n%s", argv[i],
                    bare ? "a folder must follow" : "no such argument", help);
            exit(2);
        }
    }
    return arguments;
}

/* --- the end --- */

static void stop(struct portal *portal, int status)
{
    portal->status = status;
    loop_stop(portal->core.loop);
}

static void look_whether_drained(void *arg)
{
    struct portal *portal = arg;
    int pending = httpd_pending(portal->core.httpd);

    if (pending > 0 && loop_now_ms() < portal->drain_until_ms) return;
    if (pending > 0)
        log_line(LOG_WARN, "portal.cut", "%d requests had not ended in time and are cut", pending);
    stop(portal, 0);
}

/* New connections are refused, requests end, streams are told to come back. What deploys goes on
 * from the journal at the next start. */
static void on_terminate(void *arg)
{
    struct portal *portal = arg;

    if (portal->server.draining) _exit(1);
    portal->server.draining = 1;
    log_line(LOG_INFO, "portal.draining", "ending; requests have %d s to end", DRAIN_MS / 1000);
    if (!portal->core.httpd) {
        stop(portal, 0);
        return;
    }
    httpd_drain(portal->core.httpd);
    sse_drain(portal->core.sse);
    portal->drain_until_ms = loop_now_ms() + DRAIN_MS;
    portal->drain =
        loop_timer_new(portal->core.loop, 1, DRAIN_LOOK_MS, look_whether_drained, portal);
}

static void on_hangup(void *arg)
{
    struct portal *portal = arg;

    if (portal->server.draining || !portal->server.current) return;
    if (portal->settings.rehearsal)
        log_line(LOG_INFO, "rehearsal.no_reload", "the rehearsal does not reload; restart it");
    else
        main_reload(portal);
}

static void close_all(struct portal *portal)
{
    struct core *core = &portal->core;

    watch_free(portal->watch);
    loop_timer_free(portal->drain);
    loop_timer_free(portal->lag);
    task_kill_all();
    script_version_free(portal->loading);
    script_version_retire(&portal->server);
    if (core->sse) sse_free(core->sse);
    if (core->httpd) httpd_free(core->httpd);
    if (core->fetch) fetch_pool_free(core->fetch);
    if (core->store) store_close(core->store);
    if (core->www) www_free(core->www);
    if (core->shared) shared_free(core->shared);
    limiter_free(core->limiter);
    for (int i = 0; i < 3; i++)
        if (portal->signals[i]) loop_watch_free(portal->signals[i]);
    env_free();
    metrics_free();
    if (core->loop) loop_free(core->loop);
    if (portal->lock >= 0) close(portal->lock);
}

/* --- the start --- */

static int refuse(const char *message)
{
    log_line(LOG_ERROR, "portal.start_failed", "%s", message);
    return -1;
}

static int refuse_and_free(char *message)
{
    refuse(message ? message : "out of memory");
    free(message);
    return -1;
}

static void carry(void *loop, void (*fn)(void *arg), void *arg)
{
    loop_post(loop, fn, arg);
}

static int open_data(struct portal *portal)
{
    char path[4200], *message = NULL;

    if (main_data_open(portal) != 0) return -1;
    snprintf(path, sizeof path, "%s/secret", portal->settings.data_dir);
    if (secret_open(path, &message) != 0) return refuse_and_free(message);
    snprintf(path, sizeof path, "%s/journal.db", portal->settings.data_dir);
    portal->core.store = store_open(path, carry, portal->core.loop, &message);
    return portal->core.store ? 0 : refuse_and_free(message);
}

static int open_net(struct portal *portal)
{
    struct httpd_limits limits = httpd_default_limits;
    struct core *core = &portal->core;

    limits.max_body_bytes =
        2 *
        portal->settings
            .max_body; /* what is somewhat too long is read, and refused in the scripts' words */
    limits.max_connections = portal->settings.max_connections;
    if (portal->settings.proxied) limits.max_connections_each = 0;
    core->fetch = fetch_pool_new(core->loop, PARALLEL_FETCHES);
    core->sse = sse_new(core->loop);
    core->httpd = httpd_new(core->loop, &limits, api_request_serve, &portal->server);
    return core->fetch && core->sse && core->httpd ? 0 : refuse("out of memory or of descriptors");
}

static int load(struct portal *portal)
{
    struct vm_error error;

    portal->loading = script_version_new(&portal->server, &portal->settings, &error);
    if (!portal->loading) return refuse(main_error_text(&error));
    portal->settings = portal->loading->settings;
    log_init(STDOUT_FILENO, (enum log_level)portal->settings.log_level);
#ifdef TEST_HOOKS
    if (portal->settings.production)
        return refuse("this build has crash points for tests; it does not run in production");
#endif
    if (portal->settings.production && clock_scale() != 1)
        return refuse("TIME_SCALE makes time run faster than it does: it is for tests, not for "
                      "production (unset it)");
    if (portal->settings.production) prctl(PR_SET_DUMPABLE, 0);
    if (open_data(portal) != 0 || open_net(portal) != 0) return -1;
    if (main_load_www(portal, &error) != 0 || script_version_load(portal->loading, &error) != 0)
        return refuse(main_error_text(&error));
    script_version_activate(portal->loading);
    portal->loading = NULL;
    return 0;
}

/* The address to open: 0.0.0.0 is every address, and not one to go to. */
static void log_listening(const struct settings *settings, int port)
{
    int every = strcmp(settings->host, "0.0.0.0") == 0 || strcmp(settings->host, "::") == 0,
        bracket = !every && strchr(settings->host, ':') != NULL;
    char url[300];

    snprintf(url, sizeof url, "http://%s%s%s:%d", bracket ? "[" : "",
             every ? "127.0.0.1" : settings->host, bracket ? "]" : "", port);
    if (!log_begin(LOG_INFO, settings->rehearsal ? "rehearsal.listening" : "portal.listening"))
        return;
    log_int("port", port);
    log_str("url", url);
    log_str("host", settings->host);
    log_str("version", VERSION);
    log_int("pid", getpid());
    if (clock_scale() != 1) log_num("timeScale", clock_scale());
    log_end();
}

/* Which setting is to blame. */
static void log_not_listening(const struct settings *settings, int error)
{
    const char *before = "set ", *name = "PORT", *after = " to another";

    if (error == EADDRINUSE)
        before = "stop what listens there, or set ";
    else if (error == EACCES)
        after = " to one above 1023: the lower ones are root's";
    else if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)
        name = "HOST", after = " to an address of this machine: 127.0.0.1, or 0.0.0.0 for all";
    log_line(LOG_ERROR, "portal.start_failed", "cannot listen on %s port %d: %s (%s%s%s%s)",
             settings->host, settings->port, strerror(error), before,
             settings->rehearsal ? "REHEARSAL_" : "", name, after);
}

static void on_started(const char *message, void *arg)
{
    struct portal *portal = arg;
    const struct settings *settings = &portal->settings;

    if (portal->server.draining) return;
    int port = message ? -1 : httpd_listen(portal->core.httpd, settings->host, settings->port);
    if (port < 0) {
        if (message)
            refuse(message);
        else
            log_not_listening(settings, errno);
        stop(portal, 1);
        return;
    }
    log_listening(settings, port);
    main_watch(portal);
    main_metrics(portal);
}

static void flush_log(void *arg)
{
    (void)arg;
    log_flush();
}

static void prepare(struct portal *portal, const struct arguments *arguments)
{
    struct core *core = &portal->core;

    *portal = (struct portal){ .lock = -1 };
    portal->settings.root = arguments->root;
    portal->settings.rehearsal = arguments->rehearsal;
    portal->server = (struct server){
        .core = core, .modules = api_modules, .root = arguments->root, .started_at = api_clock()
    };
    portal->server.init = arguments->rehearsal ? "rehearsal/init.lua" : "init.lua";
    core->loop = loop_new();
    core->shared = shared_new();
    core->limiter = limiter_new(LIMITED_KEYS);
    core->server = &portal->server;
    core->settings = &portal->settings;
    if (!core->loop || !core->shared) {
        refuse("out of memory or of descriptors");
        log_flush();
        exit(1);
    }
    loop_on_turn_end(core->loop, flush_log, NULL);
}

static int run(struct portal *portal)
{
    struct loop *loop = portal->core.loop;

    if (load(portal) != 0) return 1;
    portal->signals[0] = loop_watch_signal(loop, SIGTERM, on_terminate, portal);
    portal->signals[1] = loop_watch_signal(loop, SIGINT, on_terminate, portal);
    portal->signals[2] = loop_watch_signal(loop, SIGHUP, on_hangup, portal);
    script_version_start(portal->server.current, on_started, portal);
    if (loop_run(loop) == 0) return portal->status;
    refuse("the loop cannot run");
    return 1;
}

int main(int argc, char **argv)
{
    static struct portal portal;
    struct arguments arguments = read_arguments(argc, argv);

    signal(SIGPIPE, SIG_IGN);
    if (arguments.health) return main_health(arguments.port);
    if (arguments.copy) return arguments.copy(arguments.folder);
    main_stuck();
    log_init(arguments.check ? STDERR_FILENO : STDOUT_FILENO, LOG_INFO);
    if (clock_scale_set(getenv("TIME_SCALE")) != 0) {
        refuse("TIME_SCALE must be a number from 1 to 1000 (unset it outside of tests)");
        log_flush();
        return 1;
    }
    prepare(&portal, &arguments);
    int apart = arguments.check || arguments.command,
        status = arguments.command ? main_command(&portal, arguments.command)
                 : arguments.check ? main_check(&portal)
                                   : run(&portal);
    if (!apart && status == 0)
        log_line(LOG_INFO, portal.settings.rehearsal ? "rehearsal.ended" : "portal.ended",
                 "ended in good order");
    close_all(&portal);
    log_flush();
    return status;
}
