/* Preloaded into a program: KILL_AT=N ends it with SIGKILL right before the Nth call of those that
 * change what is on the disk. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void count(void)
{
    static long calls, at = -1;
    const char *text = at < 0 ? getenv("KILL_AT") : NULL;

    if (at < 0) at = text ? atol(text) : 0;
    if (++calls == at) kill(getpid(), SIGKILL);
}

#define WRAP(type, name, parameters, arguments)                                                    \
    type name parameters                                                                           \
    {                                                                                              \
        type(*next) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name);                      \
        count();                                                                                   \
        return next arguments;                                                                     \
    }

WRAP(ssize_t, write, (int fd, const void *bytes, size_t n), (fd, bytes, n))
WRAP(ssize_t, pwrite64, (int fd, const void *bytes, size_t n, off64_t at), (fd, bytes, n, at))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, ftruncate64, (int fd, off64_t length), (fd, length))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode))
WRAP(int, unlink, (const char *path), (path))
WRAP(int, unlinkat, (int at, const char *path, int flags), (at, path, flags))
WRAP(int, renameat, (int from_at, const char *from, int to_at, const char *to),
     (from_at, from, to_at, to))
WRAP(int, fchownat, (int at, const char *path, uid_t owner, gid_t group, int flags),
     (at, path, owner, group, flags))

/* Opening changes something where it makes a file. The mode is read also when there is none: nobody
 * looks at it then. */
#define WRAP_OPEN(name, before, before_names)                                                      \
    int name(EXPAND before const char *path, int flags, ...)                                       \
    {                                                                                              \
        int (*next)(EXPAND before const char *, int, ...) =                                        \
            (int (*)(EXPAND before const char *, int, ...))dlsym(RTLD_NEXT, #name);                \
        mode_t mode;                                                                               \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode = va_arg(more, mode_t);                                                               \
        va_end(more);                                                                              \
        if (flags & O_CREAT) count();                                                              \
        return next(EXPAND before_names path, flags, mode);                                        \
    }
#define EXPAND(...) __VA_ARGS__

WRAP_OPEN(open, (), ())
WRAP_OPEN(open64, (), ())
WRAP_OPEN(openat, (int at, ), (at, ))
