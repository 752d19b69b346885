#include "main_portal.h"
#include "bundle.h"
#include "child.h"
#include "env.h"
#include "log.h"
#include "mem.h"
#include "vm_chunks.h"
#include "watch.h"
#include "www.h"

#include <unistd.h>

const char *main_error_text(const struct vm_error *error)
{
    static char text[sizeof error->file + sizeof error->message + 32];
    if (error->file[0] && error->line > 0)
        snprintf(text, sizeof text, "%s:%d: %s", error->file, error->line, error->message);
    else if (error->file[0])
        snprintf(text, sizeof text, "%s: %s", error->file, error->message);
    else
        snprintf(text, sizeof text, "%s", error->message);
    return text;
}

/* Turns a message, which it frees, into *error. Returns -1. */
static int fail(const char *file, char *message, struct vm_error *error)
{
    *error = (struct vm_error){ 0 };
    snprintf(error->file, sizeof error->file, "%s", file);
    snprintf(error->message, sizeof error->message, "%s", message);
    free(message);
    return -1;
}

int main_open_site(struct portal *portal, struct vm_error *error)
{
    const char *folder = env_get("SITE_DIR"), *fd = env_get("SITE_FD");
    char *message;
    portal->site_folder = folder && *folder == '/' ? mem_text(folder)
                                                   : mem_printf("%s/%s", portal->settings.root,
                                                                folder ? folder : "site");
    portal->server.site_folder = portal->site_folder;
    portal->site =
        fd ? bundle_receive(CHILD_FD, &message) : bundle_read(portal->site_folder, &message);
    if (portal->site) return 0;
    portal->site = bundle_new();
    return fail("site", message, error);
}

int main_is_stuck_site(const struct portal *portal, struct vm_error *error)
{
    if (strcmp(portal->server.stuck_site, portal->site->hash) != 0) return 0;
    *error = (struct vm_error){
        .file = "site",
        .message = "these files were left: a function of theirs did not return from a library "
                   "function, most likely string.find with a pattern of many repetitions, and the "
                   "portal had to be started again (write a simpler pattern)"
    };
    return 1;
}

int main_load_www(struct portal *portal, struct bundle *site, struct vm_error *error)
{
    char *folder = mem_printf("%s/www", portal->settings.root), *message = NULL;
    portal->core.www = www_load(folder, "/assets/", site, &message);
    free(folder);
    return portal->core.www ? 0 : fail("www", message, error);
}

static void warn_of_restart(const char *key)
{
    log_line(LOG_WARN, "config.needs_restart",
             "config.lua: %s has changed; this takes effect when the portal is restarted", key);
}

/* Settings that cannot change while the portal runs keep their values. */
static void apply_settings(struct portal *portal, const struct settings *new)
{
    struct settings *now = &portal->settings;
    if (strcmp(now->host, new->host) != 0) warn_of_restart("host");
    if (now->port != new->port) warn_of_restart("port");
    if (strcmp(now->data_dir, new->data_dir) != 0) warn_of_restart("data_dir");
    if (now->max_body != new->max_body) warn_of_restart("limits.max_body");
    if (now->max_connections != new->max_connections) warn_of_restart("limits.max_connections");
    now->is_production = new->is_production;
    now->log_level = new->log_level;
    log_init(STDOUT_FILENO, (enum log_level)now->log_level);
    if (now->has_watch == new->has_watch) return;
    now->has_watch = new->has_watch;
    watch_free(portal->watch);
    portal->watch = NULL;
    main_watch(portal);
}

static struct script_version *load_scripts(struct portal *portal, struct bundle *site,
                                           struct vm_error *error)
{
    struct script_version *version =
        script_version_new(&portal->server, &portal->settings, site, error);
    if (!version || script_version_load(version, error) == 0) return version;
    script_version_free(version);
    return NULL;
}

int main_replace(struct bundle *site, int site_number, struct vm_error *error, void *arg)
{
    struct portal *portal = arg;
    struct www *old = portal->core.www;
    vm_chunks_keep();
    int has_www = main_load_www(portal, site, error) == 0;
    struct script_version *version = has_www ? load_scripts(portal, site, error) : NULL;
    if (!version) {
        if (has_www) www_free(portal->core.www);
        portal->core.www = old;
        return -1;
    }
    www_free(old);
    script_version_activate(version);
    portal->server.was_rejected = 0;
    apply_settings(portal, &version->settings);
    if (!log_begin(LOG_INFO, "scripts.loaded")) return 0;
    log_int("generation", portal->server.loads);
    if (site_number) log_int("site", site_number);
    log_end();
    return 0;
}

/* One reload at a time; one that is asked for meanwhile follows, because files may have changed
 * since the first began. */
static struct {
    int is_running, is_wanted;
} reload;

/* What the current scripts know of reloading has failed, so they are replaced without it. */
static void replace_at_once(struct portal *portal)
{
    struct vm_error error;
    char *message;
    struct bundle *site = bundle_read(portal->site_folder, &message);
    int failed = site ? main_replace(site, 0, &error, portal) : fail("site", message, &error);
    if (failed) script_version_reject(&portal->server, &error);
    bundle_unref(site);
}

static void on_reloaded(const char *message, void *arg)
{
    struct portal *portal = arg;
    reload.is_running = 0;
    if (portal->server.draining) return;
    if (message) {
        log_line(LOG_ERROR, "scripts.reload_failed", "%s", message);
        replace_at_once(portal);
    }
    if (reload.is_wanted) main_reload(portal);
}

void main_reload(void *arg)
{
    struct portal *portal = arg;
    if (portal->server.draining) return;
    reload.is_wanted = reload.is_running;
    if (reload.is_running) return;
    reload.is_running = script_version_reload(&portal->server, on_reloaded, portal);
    if (!reload.is_running) replace_at_once(portal);
}

void main_watch(struct portal *portal)
{
    static const char *names[] = { "scripts", "locales", "www", "config.lua", "site", NULL, NULL };
    if (!portal->settings.has_watch) return;
    names[5] = portal->site_folder;
    portal->watch = watch_new(portal->core.loop, portal->settings.root, names, main_reload, portal);
    if (!portal->watch)
        log_line(LOG_WARN, "watch.failed",
                 "changes of files will not be noticed; send SIGHUP to reload");
}
