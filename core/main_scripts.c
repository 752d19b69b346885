#include "main_portal.h"
#include "log.h"
#include "mem.h"
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

int main_load_www(struct portal *portal, struct vm_error *error)
{
    char *folder = mem_printf("%s/www", portal->settings.root), *message = NULL;
    portal->core.www = www_load(folder, "/assets/", &message);
    free(folder);
    if (portal->core.www) return 0;
    *error = (struct vm_error){ .file = "www" };
    snprintf(error->message, sizeof error->message, "%s", message ? message : "cannot be read");
    free(message);
    return -1;
}

static void reject(struct server *server, const struct vm_error *error)
{
    server->was_rejected = 1;
    server->rejected = *error;
    server->rejected_at = api_clock();
    if (!log_begin(LOG_ERROR, "scripts.rejected")) return;
    log_str("file", error->file);
    log_int("line", error->line);
    log_str("message", error->message);
    log_str("consequence", "the scripts loaded before stay active");
    log_end();
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

static struct script_version *load_scripts(struct portal *portal, struct vm_error *error)
{
    struct script_version *version = script_version_new(&portal->server, &portal->settings, error);
    if (version && script_version_load(version, error) != 0) {
        script_version_free(version);
        return NULL;
    }
    return version;
}

void main_reload(void *arg)
{
    struct portal *portal = arg;
    struct www *old = portal->core.www;
    struct vm_error error;
    if (portal->server.draining) return;
    int has_www = main_load_www(portal, &error) == 0;
    struct script_version *version = has_www ? load_scripts(portal, &error) : NULL;
    if (!version) {
        if (has_www) www_free(portal->core.www);
        portal->core.www = old;
        reject(&portal->server, &error);
        return;
    }
    www_free(old);
    script_version_activate(version);
    apply_settings(portal, &version->settings);
    if (!log_begin(LOG_INFO, "scripts.loaded")) return;
    log_int("generation", portal->server.loads);
    log_end();
}

void main_watch(struct portal *portal)
{
    static const char *const names[] = { "scripts", "locales", "www", "config.lua", NULL };
    if (!portal->settings.has_watch) return;
    portal->watch = watch_new(portal->core.loop, portal->settings.root, names, main_reload, portal);
    if (!portal->watch)
        log_line(LOG_WARN, "watch.failed",
                 "changes of files will not be noticed; send SIGHUP to reload");
}
