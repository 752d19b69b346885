#include "file.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_keeping_errno(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
}

static void unlink_keeping_errno(const char *path)
{
    int error = errno;
    unlink(path);
    errno = error;
}

/* One byte more than expected is asked for, so that a file that grew is noticed. */
static char *read_all(int fd, size_t expected, size_t max_len, size_t *len)
{
    size_t room = expected + 2;
    char *bytes = mem_grow(NULL, room, 1);
    *len = 0;
    for (;;) {
        ssize_t got = read(fd, bytes + *len, room - 1 - *len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        *len += (size_t)got;
        bytes[*len] = '\0';
        if (got == 0) return bytes;
        if (*len > max_len) {
            errno = EFBIG;
            break;
        }
        if (*len == room - 1) {
            room *= 2;
            bytes = mem_grow(bytes, room, 1);
        }
    }
    explicit_bzero(bytes, *len);
    free(bytes);
    return NULL;
}

char *file_read(const char *path, size_t max_len, size_t *len)
{
    struct stat info;
    char *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    if (fstat(fd, &info) == 0) {
        if ((size_t)info.st_size > max_len)
            errno = EFBIG;
        else
            bytes = read_all(fd, (size_t)info.st_size, max_len, len);
    }
    close_keeping_errno(fd);
    return bytes;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(fd, bytes, len);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return -1;
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return 0;
}

/* fchmod() because the process's umask limits the mode that open() gives. */
static int write_new(const char *path, int flags, const void *bytes, size_t len, mode_t mode,
                     int is_synced)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
    if (fd < 0) return -1;
    int rc = fchmod(fd, mode);
    if (rc == 0) rc = write_all(fd, bytes, len);
    if (rc == 0 && is_synced) rc = fsync(fd);
    close_keeping_errno(fd);
    if (rc != 0) unlink_keeping_errno(path);
    return rc;
}

int file_create(const char *path, const void *bytes, size_t len, mode_t mode)
{
    return write_new(path, O_EXCL, bytes, len, mode, 1);
}

static int replace(const char *path, const void *bytes, size_t len, mode_t mode, int is_synced)
{
    char *fresh = mem_printf("%s.new", path);
    int rc = write_new(fresh, O_TRUNC, bytes, len, mode, is_synced);
    if (rc == 0 && rename(fresh, path) != 0) {
        unlink_keeping_errno(fresh);
        rc = -1;
    }
    free(fresh);
    return rc;
}

int file_replace(const char *path, const void *bytes, size_t len, mode_t mode)
{
    return replace(path, bytes, len, mode, 1) == 0 ? file_sync_folder_of(path) : -1;
}

int file_replace_unsynced(const char *path, const void *bytes, size_t len, mode_t mode)
{
    return replace(path, bytes, len, mode, 0);
}

int file_sync_all(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    int rc = syncfs(fd);
    close_keeping_errno(fd);
    return rc;
}

int file_sync_folder(int base, const char *path)
{
    int fd = openat(base, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    int rc = fsync(fd);
    close_keeping_errno(fd);
    return rc;
}

int file_sync_folder_of(const char *path)
{
    char *copy = mem_text(path);
    int rc = file_sync_folder(AT_FDCWD, dirname(copy));
    int error = errno;
    free(copy);
    errno = error;
    return rc;
}
