/* --backup, and what --restore (main_restore.c) shares with it: what a portal must not lose, the
 * journal and the secret, copied into a folder. Without configuration and scripts: they may be what
 * is broken. DATA_DIR of the environment says where the portal's data is. */
#include "main_parts.h"
#include "secret.h"
#include "store_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 4200 };

int main_copy_failed(const char *what, const char *why)
{
    fprintf(stderr, "deployer: %s: %s\n", what, why);
    return 1;
}

static int fail_free(const char *what, char *why)
{
    int status = main_copy_failed(what, why);

    free(why);
    return status;
}

const char *main_copy_data(void)
{
    const char *set = getenv("DATA_DIR");

    return set && *set ? set : "./data";
}

static char *join(char *room, const char *folder, const char *name)
{
    if (snprintf(room, ROOM, "%s/%s", folder, name) < ROOM) return room;
    exit(main_copy_failed(folder, "this name is too long"));
}

static int read_secret(const char *path, unsigned char *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, SECRET_BYTES);

    if (fd >= 0) close(fd);
    if (got == SECRET_BYTES) return 0;
    return main_copy_failed(path, got < 0 ? strerror(errno)
                                          : "this is not the secret of an installation");
}

static int write_secret(const char *path, const unsigned char *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int good = fd >= 0 && write(fd, bytes, SECRET_BYTES) == SECRET_BYTES && fsync(fd) == 0;
    int status = good ? 0 : main_copy_failed(path, strerror(errno));

    if (fd >= 0) close(fd);
    return status;
}

/* The secret comes last: a folder without one is no whole backup, and --restore refuses it. */
int main_copy(const char *from, const char *to)
{
    char source[ROOM], target[ROOM], *message = NULL;
    unsigned char secret[SECRET_BYTES];

    if (read_secret(join(source, from, "secret"), secret) != 0) return 1;
    join(source, from, "journal.db");
    if (store_copy(source, join(target, to, "journal.db"), &message) != 0)
        return fail_free("the journal", message);
    return write_secret(join(target, to, "secret"), secret);
}

int main_backup(const char *folder)
{
    char path[ROOM];

    if (access(join(path, main_copy_data(), "restore"), F_OK) == 0)
        return main_copy_failed(
            path, "a restore was cut off here; start the portal, or restore again: both finish it");
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return main_copy_failed(folder, strerror(errno));
    if (main_copy(main_copy_data(), folder) != 0) return 1;
    printf("the journal and the secret are in %s; keep it as you keep a key\n", folder);
    return 0;
}
