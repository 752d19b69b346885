/* main_portal: the parts of one running process, and what the main_*.c files offer to main.c. */
#ifndef MAIN_PORTAL_H
#define MAIN_PORTAL_H
#include "api.h"
#include "api_script_version.h"
#include "settings.h"

struct bundle;
struct portal {
    struct core core;
    struct settings settings; /* in force */
    struct server server;
    struct watch *watch; /* or NULL */
    struct bundle *site; /* the installation's own files at the start */
    char *site_folder;
    int lock;   /* descriptor of DATA_DIR/lock, or -1 */
    int status; /* the process's exit status */
};

/* --- main_scripts.c: config.lua, scripts/ and www/, and reloading them --- */

/* "scripts/x.lua:3: message", in a static buffer. */
const char *main_error_text(const struct vm_error *error);
/* Reads the installation's own files into portal->site: from SITE_DIR, or what the parent process
 * passes on. Returns 0, or -1 and *error, and the site is empty. */
int main_open_site(struct portal *portal, struct vm_error *error);
/* Whether portal->site made the process before this one end; sets *error. */
int main_is_stuck_site(const struct portal *portal, struct vm_error *error);
/* Reads www/ and that of `site` into core.www, where scripts find it while they load. Returns 0, or
 * -1 and *error. */
int main_load_www(struct portal *portal, struct bundle *site, struct vm_error *error);
/* Loads everything again, once it has been checked. New scripts that load become active; after an
 * error the active ones stay, and /health shows the error. `portal` is a struct portal. */
void main_reload(void *portal);
/* For server.replace: `portal` is a struct portal. */
int main_replace(struct bundle *site, int site_number, struct vm_error *error, void *portal);
/* Reloads when a file changes, if config.lua says so. */
void main_watch(struct portal *portal);

/* --- main_data.c: DATA_DIR, with the journal (journal.db), the secret, and the lock of the portal
 * that uses them. Waits for the disk. --- */

/* Creates the folder (mode 0700) if it is missing, locks it, and finishes or discards a restore
 * that was interrupted in it. Returns the descriptor of the lock, or -1 after logging why. */
int main_data_open(char *folder);
/* --backup and --restore: copy the journal and the secret of DATA_DIR to a folder, and back. They
 * read DATA_DIR from the environment, not from config.lua, which may be what is broken. Return the
 * process's exit status. */
int main_data_backup(const char *folder);
int main_data_restore(const char *folder);

/* Notes in DATA_DIR that a function of these files does not return, before the process ends. NULL:
 * does nothing. For a signal handler. */
void main_data_note_stuck(const struct bundle *site);
/* Takes such a note into server.stuck_site; the scripts record it in the journal. */
void main_data_take_stuck(struct portal *portal);

/* store_open()'s way to the loop, which is `loop`. */
void main_post(void *loop, void (*fn)(void *arg), void *arg);

/* --- main_command.c: what the program does besides serving. These return the process's exit
 * status, too. --- */

/* --check: loads the scripts of the portal and of the rehearsal, runs what server.on_check
 * registered, and prints what is wrong. */
int main_check(struct portal *portal);
/* Runs scripts/commands/NAME.lua, where NAME is argv[0]; the other arguments, up to a NULL, are the
 * command's. It has the configuration and the core modules, but neither server nor journal. */
int main_command(struct portal *portal, char *const *argv);
/* --health, for a container's HEALTHCHECK: asks the portal on this machine whether it is ready.
 * `port` may be NULL: PORT of the environment, or 3000. Reads no scripts and no configuration, so
 * that a bad edit does not make a running portal look unhealthy. Waits at most some seconds. */
int main_health(const char *port);
/* An address of this machine at which a server that listens on `host` can be reached. */
const char *main_reachable(const char *host);
#endif
