#include "env.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 64 * 1024, WRITING_SECONDS = 2 };

struct secret {
    char *name, *file; /* file: NULL when the value came from the variable itself */
    char *value;
    struct stat seen;   /* the file, when it was read */
    int both;           /* the variable and NAME_FILE were set, which may not be */
    int trouble;        /* errno that was logged last, so that each is logged once */
    time_t empty_since; /* when the file was first found empty, on a clock that never jumps; 0: it
                           was not */
    struct secret *next;
};

static struct secret *secrets;

static struct secret *find(const char *name)
{
    struct secret *secret = secrets;

    while (secret && strcmp(secret->name, name) != 0)
        secret = secret->next;
    return secret;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

const char *env_get(const char *name)
{
    const struct secret *secret = find(name);

    return secret && !secret->file ? secret->value : variable(name);
}

static void forget(char *text)
{
    if (text) explicit_bzero(text, strlen(text));
    free(text);
}

/* The value as it was, and the variable gone. */
static char *take_variable(const char *name)
{
    char *value = getenv(name), *copy = NULL;

    if (!value) return NULL;
    if (*value) copy = mem_text(value);
    explicit_bzero(value, strlen(value));
    unsetenv(name);
    return copy;
}

static struct secret *meet(const char *name)
{
    struct secret *secret = mem_new(1, sizeof *secret);
    char *file = NULL;

    if (asprintf(&file, "%s_FILE", name) < 0) abort();
    secret->name = mem_text(name);
    secret->value = take_variable(name);
    secret->both = secret->value && variable(file);
    if (!secret->value) secret->file = mem_text(variable(file));
    free(file);
    secret->next = secrets;
    secrets = secret;
    return secret;
}

static int same(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_dev == other->st_dev &&
           one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

/* The file's text without the line break at its end; NULL and errno. */
static char *read_text(const char *path)
{
    char text[LONGEST];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text);
    int error = errno;

    if (fd >= 0) close(fd);
    while (got > 0 && strchr("\r\n", text[got - 1]))
        got--;
    char *copy = got > 0 ? mem_copy(text, (size_t)got) : NULL;
    explicit_bzero(text, sizeof text);
    errno = got < 0 ? error : ENODATA;
    return copy;
}

static const char *reason(int error)
{
    return error == ENODATA ? "the file is empty" : strerror(error);
}

static void complain(struct secret *secret, int error)
{
    if (!error || error == secret->trouble) return;
    secret->trouble = error;
    log_line(LOG_ERROR, "env.secret_unreadable", "%s_FILE: %s: %s (%s)", secret->name, secret->file,
             reason(error),
             secret->value ? "the last value that was read stays in use"
                           : "there is no value until it can be read");
}

/* Empty only since a moment ago: somebody is writing it in place. When that was the file does not
 * tell: its time is set last. */
static int is_being_written(struct secret *secret)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (!secret->empty_since) secret->empty_since = now.tv_sec;
    return now.tv_sec - secret->empty_since < WRITING_SECONDS;
}

/* 0, or errno: then the value is what it was. */
static int refresh(struct secret *secret)
{
    struct stat now;

    if (stat(secret->file, &now) != 0) return errno;
    if (secret->value && same(&now, &secret->seen)) return 0;
    char *value = read_text(secret->file);
    if (!value) return errno == ENODATA && secret->value && is_being_written(secret) ? 0 : errno;
    secret->empty_since = 0;
    if (!secret->value && (now.st_mode & S_IROTH))
        log_line(LOG_WARN, "env.secret_open",
                 "%s: everybody on this machine may read it (chmod o-r)", secret->file);
    secret->trouble = 0;
    secret->seen = now;
    forget(secret->value);
    secret->value = value;
    return 0;
}

static struct secret *find_or_meet(const char *name)
{
    struct secret *secret = find(name);

    return secret ? secret : meet(name);
}

const char *env_secret(const char *name)
{
    struct secret *secret = find_or_meet(name);

    if (secret->file) complain(secret, refresh(secret));
    return secret->value;
}

int env_secret_check(const char *name, char *why, size_t size)
{
    struct secret *secret = find_or_meet(name);
    int error = secret->file ? refresh(secret) : 0;

    if (secret->both)
        snprintf(why, size,
                 "%s and %s_FILE are both set, and only one can count (unset one of them)", name,
                 name);
    else if (error && !secret->value)
        snprintf(why, size,
                 "%s_FILE names %s, which gives no secret: %s (make it a file that this user may "
                 "read, or unset %s_FILE)",
                 name, secret->file, reason(error), name);
    else
        return 0;
    return -1;
}

void env_free(void)
{
    while (secrets) {
        struct secret *secret = secrets;
        secrets = secret->next;
        forget(secret->value);
        free(secret->file);
        free(secret->name);
        free(secret);
    }
}
