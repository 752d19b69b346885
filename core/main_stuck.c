/* What nothing in Lua can stop: a script inside one C function that does not come back, such as a pattern that tries every way through a
 * text. Then the process ends, for what watches over it (Docker, systemd) to start it anew; the journal says where each deployment stood.
 */
#include "log.h"
#include "main_parts.h"
#include "vm.h"

#include <unistd.h>

enum { EXIT_STUCK = 70 };

/* In a signal handler: nothing here allocates or locks. */
static void on_stuck(void)
{
    log_stray(
        LOG_ERROR, "portal.stuck",
        "a script does not come back from a function of Lua's library, most likely a pattern that is too costly; the process ends with "
        "status 70, to be started again");
    _exit(EXIT_STUCK);
}

void main_stuck(void)
{
    vm_on_stuck(on_stuck);
}
