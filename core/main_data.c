#include "log.h"
#include "main_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Makes the folder and those above it that are missing. */
static int make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0700) != 0 && errno != EEXIST;
        *slash = '/';
        if (failed) return -1;
    }
    return mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

/* Two portals on one journal would each resume the other's deployments. */
static int take_lock(struct portal *portal, const char *folder)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/lock", folder);
    portal->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (portal->lock < 0) {
        log_line(
            LOG_ERROR, "portal.start_failed",
            "%s: cannot be written: %s (DATA_DIR must be a folder that this user may write to)",
            path, strerror(errno));
        return -1;
    }
    if (flock(portal->lock, LOCK_EX | LOCK_NB) == 0) return 0;
    log_line(LOG_ERROR, "portal.start_failed",
             "another portal works in %s already (stop it, or give this one a DATA_DIR of its own)",
             folder);
    return -1;
}

/* Before anything opens the journal or makes a secret: half of both may still be on its way. */
static int end_restore(const char *folder)
{
    char *said = NULL;
    int rc = main_restore_resume(folder, &said);

    if (rc != 0)
        log_line(rc < 0 ? LOG_ERROR : LOG_WARN,
                 rc < 0 ? "portal.start_failed" : "portal.restore_cut", "%s",
                 said ? said : "out of memory");
    free(said);
    return rc < 0 ? -1 : 0;
}

int main_data_open(struct portal *portal)
{
    char *folder = portal->settings.data_dir;

    if (make_folders(folder) == 0) return take_lock(portal, folder) == 0 ? end_restore(folder) : -1;
    log_line(LOG_ERROR, "portal.start_failed",
             "%s: cannot be made: %s (set DATA_DIR to a folder that this user may write to)",
             folder, strerror(errno));
    return -1;
}
