/* main_parts: what the main*.c files share. main.c wires and runs; main_data.c makes the data
 * folder; main_reload.c reloads; main_check.c is --check; main_health.c is --health; main_backup.c
 * is --backup, main_restore.c --restore; main_command.c runs a program of scripts/commands;
 * main_stuck.c ends a process that a script or the disk has taken hostage. */
#ifndef MAIN_PARTS_H
#define MAIN_PARTS_H
#include "api.h"
#include "api_script_version.h"
#include "settings.h"

struct portal {
    struct core core;
    struct settings settings; /* those in force */
    struct server server;
    struct script_version *loading; /* built, not in force yet */
    struct watch *watch;
    struct loop_watch *signals[3];
    struct loop_timer *drain, *lag;
    struct metrics_family *lag_family;
    int64_t lag_due_us; /* when the lag's timer should be called next */
    int64_t drain_until_ms;
    int lock;   /* descriptor of DATA_DIR/lock, or -1 */
    int status; /* what the process ends with */
};

/* "scripts/x.lua:3: message", in a static buffer. */
const char *main_error_text(const struct vm_error *error);
/* Reads www/ into core.www, so that scripts can ask for it while they load. 0; or -1 and *error. */
int main_load_www(struct portal *portal, struct vm_error *error);

/* Makes DATA_DIR (mode 0700) if it is missing, and locks it. 0; or -1, and why was logged. */
int main_data_open(struct portal *portal);

/* From here on the process ends, with a sentence and status 70, when a script is stuck where no
 * hook reaches, and when the disk takes a mapped file away. */
void main_stuck(void);

/* Measures how late the loop is, for core.metrics. */
void main_metrics(struct portal *portal);

/* Loads the scripts again: takes them into force if they are good, else keeps and shows why not. */
void main_reload(void *portal);
/* Reloads when a file changes, if the settings say so. */
void main_watch(struct portal *portal);

/* --check: the process's exit status. */
int main_check(struct portal *portal);

/* --health: asks /ready of the portal on this machine; `port` may be NULL: PORT of the environment,
 * or 3000. The exit status. */
int main_health(const char *port);

/* --backup, --restore: the journal and the secret of DATA_DIR into a folder, and back. The exit
 * status. */
int main_backup(const char *folder);
int main_restore(const char *folder);
/* Brings a restore that was cut off in the folder to its end, or takes away what it had only begun;
 * whoever calls holds the lock. 0: there was none. 1: *said tells what was done; -1: why it could
 * not be. The caller frees *said, which is NULL when memory is out. */
int main_restore_resume(const char *data_name, char **said);

/* What both of them are made of. DATA_DIR of the environment. */
const char *main_copy_data(void);
/* Says on the standard error what failed, and why. Returns the exit status. */
int main_copy_failed(const char *what, const char *why);
/* The journal, checked, and the secret, into new files of a folder that is there. The exit status;
 * what failed was said. */
int main_copy(const char *from, const char *to);

/* Runs scripts/commands/WORD.lua, WORD being the first of argv (which ends with NULL); the rest is
 * for it. The exit status. */
int main_command(struct portal *portal, char *const *argv);
#endif
