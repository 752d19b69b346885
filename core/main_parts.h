/* main_parts: what the main*.c files share. main.c wires and runs; main_data.c makes the data folder; main_reload.c reloads; main_check.c
 * is --check; main_health.c is --health; main_backup.c is --backup and --restore; main_command.c runs a program of scripts/commands;
 * main_stuck.c ends a process that a script has taken hostage. */
#ifndef MAIN_PARTS_H
#define MAIN_PARTS_H
#include "api.h"
#include "api_server.h"
#include "settings.h"

struct portal {
    struct core core;
    struct settings settings; /* those in force */
    struct server server;
    struct generation *loading; /* built, not in force yet */
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

/* Ends the process when a script is stuck where no hook reaches. */
void main_stuck(void);

/* Measures how late the loop is, for core.metrics. */
void main_metrics(struct portal *portal);

/* Loads the scripts again: takes them into force if they are good, else keeps and shows why not. */
void main_reload(void *portal);
/* Reloads when a file changes, if the settings say so. */
void main_watch(struct portal *portal);

/* --check: the process's exit status. */
int main_check(struct portal *portal);

/* --health: asks /ready of the portal on this machine; `port` may be NULL: PORT of the environment, or 3000. The exit status. */
int main_health(const char *port);

/* --backup, --restore: the journal and the secret of DATA_DIR into a folder, and back. The exit status. */
int main_backup(const char *folder);
int main_restore(const char *folder);

/* Runs scripts/commands/WORD.lua, WORD being the first of argv (which ends with NULL); the rest is for it. The exit status. */
int main_command(struct portal *portal, char *const *argv);
#endif
