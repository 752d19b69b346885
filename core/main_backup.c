/* --backup and --restore: what a portal must not lose, the journal and the secret, to a folder and back. Without configuration and scripts:
 * they may be what is broken. DATA_DIR of the environment says where the portal's data is. */
#include "main_parts.h"
#include "secret.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 4200 };

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "deployer: %s: %s\n", what, why);
    return 1;
}

static int fail_free(const char *what, char *why)
{
    int status = fail(what, why);

    free(why);
    return status;
}

static const char *data_dir(void)
{
    const char *set = getenv("DATA_DIR");

    return set && *set ? set : "./data";
}

static char *join(char *room, const char *folder, const char *name)
{
    if (snprintf(room, ROOM, "%s/%s", folder, name) < ROOM) return room;
    exit(fail(folder, "this name is too long"));
}

static int read_secret(const char *path, unsigned char *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, SECRET_BYTES);

    if (fd >= 0) close(fd);
    if (got == SECRET_BYTES) return 0;
    return fail(path, got < 0 ? strerror(errno) : "this is not the secret of an installation");
}

static int write_secret(const char *path, const unsigned char *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int good = fd >= 0 && write(fd, bytes, SECRET_BYTES) == SECRET_BYTES && fsync(fd) == 0;
    int status = good ? 0 : fail(path, strerror(errno));

    if (fd >= 0) close(fd);
    return status;
}

/* Into new files: under their own names, or under others while they are not to be in force. */
static int copy_both(const char *from, const char *to, int in_force)
{
    char source[ROOM], target[ROOM], *message = NULL;
    unsigned char secret[SECRET_BYTES];

    if (read_secret(join(source, from, "secret"), secret) != 0) return 1;
    join(source, from, "journal.db");
    if (store_copy(source, join(target, to, in_force ? "journal.db" : "journal.db.restored"), &message) != 0)
        return fail_free("the journal", message);
    return write_secret(join(target, to, in_force ? "secret" : "secret.restored"), secret);
}

int main_backup(const char *folder)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) return fail(folder, strerror(errno));
    if (copy_both(data_dir(), folder, 1) != 0) return 1;
    printf("the journal and the secret are in %s; keep it as you keep a key\n", folder);
    return 0;
}

/* --restore */

static const char *const kept[] = { "journal.db", "journal.db-wal", "journal.db-shm", "secret" };

static int take_lock(const char *data)
{
    char path[ROOM];
    int fd = open(join(path, data, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) return fail(path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 0; /* until this process ends */
    return fail(data, "a portal works in it; stop that first");
}

/* What was there goes into a folder of its own, so that nothing is lost by a mistake. */
static int put_aside(const char *data, char *aside)
{
    char from[ROOM], to[ROOM];

    if (!mkdtemp(join(aside, data, "before-restore.XXXXXX"))) return fail(aside, strerror(errno));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (rename(join(from, data, kept[i]), join(to, aside, kept[i])) != 0 && errno != ENOENT) return fail(from, strerror(errno));
    if (rmdir(aside) == 0) *aside = '\0'; /* there was nothing */
    return 0;
}

static int into_force(const char *data)
{
    char from[ROOM], to[ROOM];

    if (rename(join(from, data, "secret.restored"), join(to, data, "secret")) != 0) return fail(from, strerror(errno));
    return rename(join(from, data, "journal.db.restored"), join(to, data, "journal.db")) == 0 ? 0 : fail(from, strerror(errno));
}

/* Restored by root, the files belong to whom the folder belongs to: the portal runs as that user. */
static int give_to_owner(const char *data)
{
    static const char *const files[] = { "journal.db", "secret", "lock" };
    char path[ROOM];
    struct stat owner;

    if (geteuid() != 0) return 0;
    if (stat(data, &owner) != 0) return fail(data, strerror(errno));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (chown(join(path, data, files[i]), owner.st_uid, owner.st_gid) != 0) return fail(path, strerror(errno));
    return 0;
}

int main_restore(const char *folder)
{
    const char *data = data_dir();
    char aside[ROOM], path[ROOM];

    if (mkdir(data, 0700) != 0 && errno != EEXIST) return fail(data, strerror(errno));
    if (take_lock(data) != 0) return 1;
    unlink(join(path, data, "journal.db.restored")); /* of a restore that was cut off */
    unlink(join(path, data, "secret.restored"));
    if (copy_both(folder, data, 0) != 0 || put_aside(data, aside) != 0 || into_force(data) != 0 || give_to_owner(data) != 0) return 1;
    if (*aside) printf("what was there before is in %s\n", aside);
    printf("%s is as it was in %s; start the portal\n", data, folder);
    return 0;
}
