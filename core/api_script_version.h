/* api_script_version: one load of the scripts: a vm with what its scripts registered. It lives in
 * the vm's registry, and so as long as the vm's last task: what still runs after a reload ends on
 * the scripts it began with. On the loop's thread. */
#ifndef API_SCRIPT_VERSION_H
#define API_SCRIPT_VERSION_H
#include "bundle.h"
#include "log.h"
#include "settings.h"
#include "vm.h"

#include <lua.h>

struct core;
struct router;
struct store;

struct script_route {
    char *method, *pattern;
    int handler;              /* registry reference */
    enum log_level log_level; /* of the line that each request leaves in the log */
    int64_t max_body;         /* bytes; 0: as config.lua says */
};

struct script_timer {
    struct script_version *version;
    char *name;
    int64_t interval_ms;
    int fn; /* registry reference */
    struct loop_timer *timer;
    struct script_timer *next;
};

struct script_version {
    struct server *server;
    struct vm *vm; /* not a reference */
    int number;
    struct bundle *site;      /* the installation's own files; the vm's reference */
    int is_loading;           /* the scripts may register */
    struct settings settings; /* as config.lua says now */
    struct router *router;    /* its values are indices of `routes` */
    struct script_route *routes;
    int nroutes;
    int on_error;   /* registry reference, or LUA_NOREF */
    int middleware; /* registry reference, or LUA_NOREF */
    int on_start;   /* registry reference to the list of functions */
    int on_replace; /* registry reference to the list of functions */
    int on_check;   /* registry reference, or LUA_NOREF: what --check runs */
    int on_reload;  /* registry reference, or LUA_NOREF: what SIGHUP runs */
    struct script_timer *timers;
};

/* The portal's own HTTP side as scripts see it. */
struct server {
    struct core *core;
    const struct vm_module *modules; /* what scripts can require of the core */
    const char *init;                /* the file that is run: "init.lua" */
    const char *root;                /* holds config.lua, scripts/, www/, locales/ */
    const char *site_folder;         /* holds the installation's own files; may be missing */
    /* Loads everything, with these files of the installation, and puts it into force. 0; or -1 and
     * *error, and nothing has changed. Not during a turn. */
    int (*replace)(struct bundle *site, int site_number, struct vm_error *error, void *arg);
    /* In a command: opens a copy of the journal, for the first use of core.store. NULL: there is
     * none. */
    struct store *(*open_store)(void *arg);
    void *arg;                      /* of the two */
    struct script_version *current; /* holds a reference to its vm */
    int loads;                      /* script versions that were activated */
    double started_at, loaded_at;   /* seconds since 1970 */
    int draining;
    char stuck_site[BUNDLE_HASH + 1]; /* the hash of the installation's files that made the process
                                         before this one end; or "" */
    int was_rejected;
    struct vm_error rejected; /* the last edit that was refused */
    double rejected_at;
};

/* A vm with the settings of config.lua read, and no script run yet. `like` gives root and
 * rehearsal; `site` is the installation's own files. NULL and *error. */
struct script_version *script_version_new(struct server *server, const struct settings *like,
                                          struct bundle *site, struct vm_error *error);
/* Runs the scripts. 0; or -1 and *error: then it can only be freed. */
int script_version_load(struct script_version *version, struct vm_error *error);
/* For one that was never activated; may be NULL. */
void script_version_free(struct script_version *version);
/* Puts it into force: requests go to it, its timers run, and the version before is retired. */
void script_version_activate(struct script_version *version);
/* Ends the timers of the current version and drops the server's reference to it. */
void script_version_retire(struct server *server);
/* Runs the on_start functions, one after the other, in a task. Then done(message, arg): NULL, or
 * why one failed. */
void script_version_start(struct script_version *version,
                          void (*done)(const char *message, void *arg), void *arg);
/* Notes an edit that was refused, for /health, and logs it. */
void script_version_reject(struct server *server, const struct vm_error *error);
/* Runs the current version's on_reload function in a task; then done(message, arg), as above.
 * Returns 0 when no such function is registered. */
int script_version_reload(struct server *server, void (*done)(const char *message, void *arg),
                          void *arg);
/* The script version that L belongs to. Raises when it is not loading and `what`, the name of a
 * function that registers, is given. */
struct script_version *script_version_of(lua_State *L, const char *what);
/* For timer.every: takes the function at the top of the stack. Raises when the name is taken. */
void script_version_add_timer(lua_State *L, const char *name, int64_t interval_ms);
#endif
