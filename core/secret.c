#include "secret.h"
#include "mem.h"
#include "random.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned char bytes[SECRET_BYTES];
static int opened;

static int fail(char **message, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(char **message, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    *message = mem_text(text);
    return -1;
}

static int write_file(const char *path)
{
    unsigned char fresh[SECRET_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return -1;
    random_bytes(fresh, sizeof fresh);
    int good = fchmod(fd, 0600) == 0 && write(fd, fresh, sizeof fresh) == (ssize_t)sizeof fresh &&
               fsync(fd) == 0;
    return close(fd) == 0 && good ? 0 : -1;
}

/* The file's name is on the disk only when its folder is. */
static int sync_folder(const char *path)
{
    char *copy = mem_text(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    int error = errno;
    if (fd >= 0) close(fd);
    free(copy);
    errno = error;
    return rc;
}

/* Written aside, then put in place at once: there is never half a secret, and none that a power cut
 * takes back. */
static int make(const char *path)
{
    char *aside = mem_grow(NULL, strlen(path) + 5, 1);
    sprintf(aside, "%s.new", path);
    int rc = write_file(aside) == 0 && rename(aside, path) == 0 ? sync_folder(path) : -1;
    free(aside);
    return rc;
}

static int read_file(int fd, const char *path, char **message)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return fail(message, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size != SECRET_BYTES)
        return fail(message,
                    "%s is not a file of %d bytes: put it back from a backup, or remove it (all "
                    "owner keys become invalid)",
                    path, SECRET_BYTES);
    if (st.st_mode & 077)
        return fail(message, "%s can be read by others: chmod 600 it, if nobody else has seen it",
                    path);
    if (read(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        return fail(message, "cannot read %s", path);
    opened = 1;
    return 0;
}

int secret_open(const char *path, char **message)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) fd = make(path) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return fail(message, "cannot make or open %s: %s", path, strerror(errno));
    int rc = read_file(fd, path, message);
    close(fd);
    return rc;
}

const unsigned char *secret_bytes(void)
{
    return opened ? bytes : NULL;
}
