#include "env.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <sys/stat.h>

enum { MAX_BYTES = 64 * 1024, WRITING_MS = 2000 };

struct secret {
    char *name, *file; /* file: NULL when the value came from the variable */
    char *value;
    struct stat seen;       /* the file when it was read */
    int is_ambiguous;       /* both the variable and NAME_FILE are set */
    int logged_error;       /* errno that was logged last; each is logged once */
    int64_t empty_since_ms; /* when the file was first found empty, on the monotonic clock; or 0 */
    struct secret *next;
};

static struct secret *secrets;

/* Removes in place what editors, shells and copying leave around a value: a byte order mark, blanks
 * and pairs of quotes. A line break at the end is usual and not worth a warning. */
static void clean(char *text, const char *name, const char *file)
{
    static const char bom[] = "\xef\xbb\xbf", blanks[] = " \t\r\n\v\f";
    char *from = text, *end = text + strlen(text);
    while (end > from && strchr("\r\n", end[-1]))
        end--;
    size_t before = (size_t)(end - from);
    for (;;) {
        char *start = from, *stop = end;
        while (from < end && strchr(blanks, *from))
            from++;
        while (end > from && strchr(blanks, end[-1]))
            end--;
        if (end - from >= 3 && memcmp(from, bom, 3) == 0)
            from += 3;
        else if (end - from >= 2 && strchr("\"'", *from) && end[-1] == *from)
            from++, end--;
        else if (from == start && end == stop)
            break;
    }
    size_t len = (size_t)(end - from);
    if (len < before)
        log_line(LOG_WARN, "env.value_cleaned",
                 "%s%s%s: a byte order mark, blanks or quotes around the value were removed", name,
                 file ? "_FILE: " : "", file ? file : "");
    memmove(text, from, len);
    explicit_bzero(text + len, strlen(text + len));
}

static const char *variable(const char *name)
{
    char *value = getenv(name);
    if (value) clean(value, name, NULL);
    return value && *value ? value : NULL;
}

static struct secret *find(const char *name)
{
    struct secret *secret = secrets;
    while (secret && strcmp(secret->name, name) != 0)
        secret = secret->next;
    return secret;
}

const char *env_get(const char *name)
{
    const struct secret *secret = find(name);
    return secret && !secret->file ? secret->value : variable(name);
}

static void wipe(char *text)
{
    if (text) explicit_bzero(text, strlen(text));
}

static void wipe_and_free(char *text)
{
    wipe(text);
    free(text);
}

/* Removes the variable from the environment; the caller frees its value. */
static char *take_variable(const char *name)
{
    char *copy = mem_text(variable(name));
    wipe(getenv(name));
    unsetenv(name);
    return copy;
}

static struct secret *find_or_add(const char *name)
{
    struct secret *secret = find(name);
    if (secret) return secret;
    secret = mem_new(1, sizeof *secret);
    char *file_variable = mem_printf("%s_FILE", name);
    const char *file = variable(file_variable);
    secret->name = mem_text(name);
    secret->value = take_variable(name);
    secret->is_ambiguous = secret->value && file;
    if (!secret->value) secret->file = mem_text(file);
    free(file_variable);
    secret->next = secrets;
    secrets = secret;
    return secret;
}

static int is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The value in the secret's file, which the caller frees. NULL and errno; ENODATA when the file is
 * empty. */
static char *read_value(const struct secret *secret)
{
    size_t len;
    char *text = file_read(secret->file, MAX_BYTES, &len);
    if (!text) return NULL;
    int is_text = strlen(text) == len;
    if (is_text) clean(text, secret->name, secret->file);
    if (is_text && *text) return text;
    explicit_bzero(text, len);
    free(text);
    errno = is_text ? ENODATA : EILSEQ;
    return NULL;
}

static const char *reason(int error)
{
    if (error == ENODATA) return "the file is empty";
    return error == EILSEQ ? "it is not plain text (save it as UTF-8)" : strerror(error);
}

static void log_error(struct secret *secret, int error)
{
    if (error == 0 || error == secret->logged_error) return;
    secret->logged_error = error;
    log_line(LOG_ERROR, "env.secret_unreadable", "%s_FILE: %s: %s (%s)", secret->name, secret->file,
             reason(error),
             secret->value ? "the last value that was read stays in use"
                           : "there is no value until it can be read");
}

/* A file that has been empty for only a moment is being written in place. Its modification time
 * does not tell, because it changes again when the writing ends. */
static int is_being_written(struct secret *secret)
{
    if (secret->empty_since_ms == 0) secret->empty_since_ms = clock_real_ms();
    return clock_real_ms() - secret->empty_since_ms < WRITING_MS;
}

/* Returns 0; or errno, and the value stays what it was. */
static int refresh(struct secret *secret)
{
    struct stat now;
    if (stat(secret->file, &now) != 0) return errno;
    if (secret->value && is_same_file(&now, &secret->seen)) return 0;
    char *value = read_value(secret);
    if (!value) return errno == ENODATA && secret->value && is_being_written(secret) ? 0 : errno;
    if (!secret->value && (now.st_mode & S_IROTH))
        log_line(LOG_WARN, "env.secret_open",
                 "%s: everybody on this machine may read it (chmod o-r)", secret->file);
    wipe_and_free(secret->value);
    secret->value = value;
    secret->seen = now;
    secret->empty_since_ms = 0;
    secret->logged_error = 0;
    return 0;
}

const char *env_secret(const char *name)
{
    struct secret *secret = find_or_add(name);
    if (secret->file) log_error(secret, refresh(secret));
    return secret->value;
}

int env_secret_check(const char *name, char *why, size_t size)
{
    struct secret *secret = find_or_add(name);
    int error = secret->file ? refresh(secret) : 0;
    if (secret->is_ambiguous)
        snprintf(why, size, "%s and %s_FILE are both set (unset one of them)", name, name);
    else if (error != 0 && !secret->value)
        snprintf(why, size,
                 "%s_FILE names %s, which gives no secret: %s (make it a file that this user may "
                 "read, or unset %s_FILE)",
                 name, secret->file, reason(error), name);
    else
        return 0;
    return -1;
}

/* Whether the list has "NAME=..."; `variable` is a name, or that with a value. */
static int has_name(const char *const *list, const char *variable)
{
    size_t len = strcspn(variable, "=");
    for (; *list; list++)
        if (strncmp(*list, variable, len) == 0 && (*list)[len] == '=') return 1;
    return 0;
}

char **env_for_child(const char *const *changes)
{
    extern char **environ;
    size_t count = 1, room = 0, n = 0;
    for (char **variable = environ; *variable; variable++)
        count++;
    for (const char *const *change = changes; *change; change++, count++)
        room += strlen(*change) + 1;
    for (const struct secret *secret = secrets; secret; secret = secret->next, count++)
        if (!secret->file && secret->value)
            room += strlen(secret->name) + strlen(secret->value) + 2;
    char **list = mem_grow(NULL, 1, count * sizeof *list + room), *text = (char *)(list + count);
    for (const char *const *change = changes; *change; change++) {
        list[n++] = strcpy(text, *change);
        text += strlen(text) + 1;
    }
    for (const struct secret *secret = secrets; secret; secret = secret->next) {
        if (secret->file || !secret->value || has_name(changes, secret->name)) continue;
        size_t len = strlen(secret->value);
        list[n++] = text;
        text = stpcpy(stpcpy(text, secret->name), "=");
        memset(text, 'x', len);
        text[len] = '\0';
        text += len + 1;
    }
    for (char **variable = environ; *variable; variable++)
        if (!has_name(changes, *variable)) list[n++] = *variable;
    list[n] = NULL;
    return list;
}

void env_free(void)
{
    while (secrets) {
        struct secret *secret = secrets;
        secrets = secret->next;
        wipe_and_free(secret->value);
        free(secret->file);
        free(secret->name);
        free(secret);
    }
}
