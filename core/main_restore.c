/* --restore: a backup takes the place of what is in DATA_DIR, wholly or not at all, wherever it is
 * cut off. In DATA_DIR
 *
 *   restore.new/new/   is being filled; what ends here has changed nothing, and is taken away
 *   restore/new/       the same, under its other name: from here on the backup counts. It is moved
 * into its place file by file; what was there goes to restore/, which is called before-restore.DATE
 * in the end. The next start goes on where this ended.
 */
#include "main_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 4200 };

static char *sentence(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *sentence(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0) text = NULL;
    va_end(args);
    return text;
}

static int is_there(int data, const char *name)
{
    return faccessat(data, name, F_OK, 0) == 0;
}

/* What is not there needs no moving. */
static int move(int data, const char *from, const char *to)
{
    return renameat(data, from, data, to) == 0 || errno == ENOENT ? 0 : -1;
}

static int sync_folder(int data, const char *name)
{
    int fd = openat(data, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0) close(fd);
    return rc;
}

/* Once the backup counts */

/* While the new journal waits, the one in its place is the old; its last pages may be beside it. */
static int replace_journal(int data)
{
    if (is_there(data, "restore/new/journal.db") &&
        (move(data, "journal.db", "restore/journal.db") != 0 ||
         move(data, "journal.db-wal", "restore/journal.db-wal") != 0 ||
         move(data, "journal.db-shm", "restore/journal.db-shm") != 0))
        return -1;
    return move(data, "restore/new/journal.db", "journal.db");
}

static int replace_secret(int data)
{
    if (is_there(data, "restore/new/secret") && move(data, "secret", "restore/secret") != 0)
        return -1;
    return move(data, "restore/new/secret", "secret");
}

/* The folder's last name, in `name`, which is empty when there was nothing before. */
static int name_old(int data, char *name)
{
    char day[32];
    time_t now = time(NULL);

    *name = '\0';
    if (unlinkat(data, "restore", AT_REMOVEDIR) == 0) return 0;
    strftime(day, sizeof day, "%Y-%m-%dT%H-%M-%SZ", gmtime(&now));
    for (int i = 1; i < 1000; i++) {
        snprintf(name, ROOM, "before-restore.%s.%d", day, i);
        if (renameat(data, "restore", data, name) == 0) return 0;
        if (errno != ENOTEMPTY && errno != EEXIST) break;
    }
    return -1;
}

static int finish(int data, char *old)
{
    if (replace_journal(data) != 0 || replace_secret(data) != 0) return -1;
    if (sync_folder(data, "restore") != 0 || sync_folder(data, ".") != 0) return -1;
    if (unlinkat(data, "restore/new", AT_REMOVEDIR) != 0 && errno != ENOENT) return -1;
    return name_old(data, old) == 0 ? sync_folder(data, ".") : -1;
}

/* Before it does */

static int discard(int data)
{
    static const char *const files[] = { "journal.db", "journal.db-journal", "journal.db-wal",
                                         "journal.db-shm", "secret" };
    char path[64];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "restore.new/new/%s", files[i]);
        if (unlinkat(data, path, 0) != 0 && errno != ENOENT) return -1;
    }
    if (unlinkat(data, "restore.new/new", AT_REMOVEDIR) != 0 && errno != ENOENT) return -1;
    return unlinkat(data, "restore.new", AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

/* Restored by root, everything belongs to whom DATA_DIR belongs to: the portal runs as that user.
 */
static int give(int data, const char *name)
{
    struct stat owner;

    if (geteuid() != 0) return 0;
    return fstat(data, &owner) == 0
               ? fchownat(data, name, owner.st_uid, owner.st_gid, AT_SYMLINK_NOFOLLOW)
               : -1;
}

static int make_folder(int data, const char *name)
{
    return mkdirat(data, name, 0700) == 0 ? give(data, name) : -1;
}

static int stage(int data, const char *data_name, const char *folder)
{
    char target[ROOM];

    snprintf(target, sizeof target, "%s/restore.new/new", data_name);
    if (make_folder(data, "restore.new") != 0 || make_folder(data, "restore.new/new") != 0)
        return main_copy_failed(target, strerror(errno));
    if (main_copy(folder, target) != 0) return 1;
    if (give(data, "restore.new/new/journal.db") != 0 ||
        give(data, "restore.new/new/secret") != 0 || give(data, "lock") != 0 ||
        sync_folder(data, "restore.new/new") != 0 || sync_folder(data, "restore.new") != 0)
        return main_copy_failed(target, strerror(errno));
    return 0;
}

/* What was cut off */

int main_restore_resume(const char *data_name, char **said)
{
    char old[ROOM];
    int data = open(data_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        begun = data >= 0 && is_there(data, "restore.new"),
        counts = data >= 0 && is_there(data, "restore"), rc = data < 0 ? -1 : 0;

    if (counts) rc = finish(data, old);
    if (rc == 0 && begun) rc = discard(data);
    if (rc != 0)
        *said = sentence("a restore was cut off in %s and cannot be brought to its end: %s (the "
                         "folder and what is in it must belong to this "
                         "user, with some room; then start again)",
                         data_name, strerror(errno));
    else if (counts)
        *said = sentence("a restore that was cut off is finished%s%s",
                         *old ? "; what was there before is in " : "", old);
    else if (begun)
        *said = sentence("a restore was cut off before it had changed anything; run it again if it "
                         "is still wanted");
    if (data >= 0) close(data);
    return rc != 0 ? -1 : counts || begun;
}

/* --restore */

static int take_lock(int data, const char *data_name)
{
    int fd = openat(data, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) return main_copy_failed(data_name, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 0; /* until this process ends */
    return main_copy_failed(data_name, "a portal works in it; stop that first");
}

static int resume(const char *data_name)
{
    char *said = NULL;
    int rc = main_restore_resume(data_name, &said);

    if (rc != 0) fprintf(stderr, "deployer: %s\n", said ? said : "out of memory");
    free(said);
    return rc < 0 ? 1 : 0;
}

static int restore(int data, const char *data_name, const char *folder)
{
    char old[ROOM];

    if (take_lock(data, data_name) != 0 || resume(data_name) != 0) return 1;
    if (stage(data, data_name, folder) != 0) {
        discard(data);
        return 1;
    }
    if (renameat(data, "restore.new", data, "restore") != 0 || sync_folder(data, ".") != 0 ||
        finish(data, old) != 0)
        return main_copy_failed(data_name, strerror(errno));
    if (*old) printf("what was there before is in %s/%s\n", data_name, old);
    printf("%s is as it was in %s; start the portal\n", data_name, folder);
    return 0;
}

int main_restore(const char *folder)
{
    const char *data_name = main_copy_data();
    int data, status;

    if (mkdir(data_name, 0700) != 0 && errno != EEXIST)
        return main_copy_failed(data_name, strerror(errno));
    data = open(data_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data < 0) return main_copy_failed(data_name, strerror(errno));
    status = restore(data, data_name, folder);
    close(data);
    return status;
}
