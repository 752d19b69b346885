/* What nothing in here can mend: a script inside one C function that does not come back, such as a
 * pattern that tries every way through a text; and a file in memory that the disk takes away, which
 * SQLite's index of the journal is (it is shared with --backup, and so must be a file). Then the
 * process ends, for what watches over it (Docker, systemd) to start it anew; the journal says where
 * each deployment stood.
 */
#include "log.h"
#include "main_parts.h"
#include "vm.h"

#include <signal.h>
#include <unistd.h>

enum { EXIT_STUCK = 70 };

/* In a signal handler: nothing here allocates or locks. */
static void on_stuck(void)
{
    log_stray(LOG_ERROR, "portal.stuck",
              "a script does not come back from a function of Lua's library, most likely a pattern "
              "that is too costly; the process ends with "
              "status 70, to be started again");
    _exit(EXIT_STUCK);
}

/* On whichever thread touched the page. */
static void on_bus_error(int signal_number)
{
    (void)signal_number;
    log_stray(LOG_ERROR, "portal.disk_failed",
              "the disk took away a file that is in use, most likely journal.db-shm in DATA_DIR: "
              "it is full or fails, or somebody changed the "
              "file (make room, or put the disk right); the process ends with status 70, to be "
              "started again");
    _exit(EXIT_STUCK);
}

void main_stuck(void)
{
    struct sigaction action = { .sa_handler = on_bus_error };

    sigaction(SIGBUS, &action, NULL);
    vm_on_stuck(on_stuck);
}
