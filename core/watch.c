#include "watch.h"
#include "clock.h"
#include "log.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETTLE_MS = 100, MAX_DEPTH = 16 };
#define CHANGES (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

struct watch {
    struct loop *loop;
    char *root;
    const char *const *names;
    loop_fn *changed;
    void *arg;
    int fd, root_id;
    struct loop_watch *readable;
    struct loop_timer *settle;
};

static int is_ignored(const char *name)
{
    size_t len = strlen(name);
    return len == 0 || name[0] == '.' || name[len - 1] == '~';
}

/* Adds a folder and its subfolders; adding one that is watched already changes nothing. */
static void add_folder(struct watch *watch, const char *folder, int depth)
{
    char path[PATH_MAX];
    struct stat info;
    DIR *entries = depth < MAX_DEPTH ? opendir(folder) : NULL;
    if (!entries) return;
    if (inotify_add_watch(watch->fd, folder, CHANGES | IN_ONLYDIR) < 0)
        log_line(LOG_WARN, "watch.failed", "%s: changes here are not noticed: %s", folder,
                 strerror(errno));
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (is_ignored(entry->d_name) ||
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path)
            continue;
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) add_folder(watch, path, depth + 1);
    }
    closedir(entries);
}

static void add_all(struct watch *watch)
{
    char path[PATH_MAX];
    for (const char *const *name = watch->names; *name; name++)
        if (**name == '/')
            add_folder(watch, *name, 0);
        else if (snprintf(path, sizeof path, "%s/%s", watch->root, *name) < (int)sizeof path)
            add_folder(watch, path, 0);
}

static void on_settled(void *arg)
{
    struct watch *watch = arg;
    loop_timer_free(watch->settle);
    watch->settle = NULL;
    add_all(watch);             /* there may be new folders */
    watch->changed(watch->arg); /* last, because it may free the watch */
}

/* In the root folder only the given names count. */
static int is_relevant(const struct watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) return 1;
    if (event->len == 0 || is_ignored(event->name)) return 0;
    if (event->wd != watch->root_id) return 1;
    for (const char *const *name = watch->names; *name; name++)
        if (strcmp(*name, event->name) == 0) return 1;
    return 0;
}

static void on_readable(int events, void *arg)
{
    struct watch *watch = arg;
    char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
    int has_changed = 0;
    for (ssize_t got; (got = read(watch->fd, buffer, sizeof buffer)) > 0;) {
        for (char *at = buffer; at < buffer + got;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            has_changed |= is_relevant(watch, event);
            at += sizeof *event + event->len;
        }
    }
    if (!has_changed) return;
    loop_timer_free(watch->settle);
    /* The disk settles in real time, also when the clock of timers is scaled. */
    int64_t delay_ms = clock_from_real_ms(SETTLE_MS);
    watch->settle = loop_timer_new(watch->loop, delay_ms, 0, on_settled, watch);
}

struct watch *watch_new(struct loop *loop, const char *root, const char *const *names,
                        loop_fn *changed, void *arg)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return NULL;
    struct watch *watch = mem_new(1, sizeof *watch);
    watch->loop = loop;
    watch->root = mem_text(root);
    watch->names = names;
    watch->changed = changed;
    watch->arg = arg;
    watch->fd = fd;
    watch->root_id = inotify_add_watch(fd, root, CHANGES | IN_ONLYDIR);
    add_all(watch);
    watch->readable = loop_watch_io(loop, fd, LOOP_READ, on_readable, watch);
    return watch;
}

void watch_free(struct watch *watch)
{
    if (!watch) return;
    loop_timer_free(watch->settle);
    loop_watch_free(watch->readable);
    close(watch->fd);
    free(watch->root);
    free(watch);
}
