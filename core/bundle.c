#include "bundle.h"
#include "bytes.h"
#include "file.h"
#include "hash.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8, PATH_BYTES = 200 };

struct bundle *bundle_new(void)
{
    struct bundle *bundle = mem_new(1, sizeof *bundle);
    bundle->refs = 1;
    free(bundle_seal(bundle));
    return bundle;
}

void bundle_ref(struct bundle *bundle)
{
    bundle->refs++;
}

void bundle_unref(struct bundle *bundle)
{
    if (!bundle || --bundle->refs > 0) return;
    for (int i = 0; i < bundle->count; i++) {
        free(bundle->files[i].path);
        free(bundle->files[i].text);
    }
    free(bundle->files);
    free(bundle);
}

/* --- files --- */

static int is_part(const char *part, size_t len)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return len > 0 && part[0] != '.' && strspn(part, allowed) >= len;
}

static int is_path(const char *path)
{
    if (strlen(path) > PATH_BYTES) return 0;
    for (;;) {
        size_t len = strcspn(path, "/");
        if (!is_part(path, len)) return 0;
        if (!path[len]) return 1;
        path += len + 1;
    }
}

char *bundle_add(struct bundle *bundle, const char *path, const void *text, size_t len)
{
    if (!is_path(path))
        return mem_printf("\"%s\" is not the path of a file here (letters, digits, . - _ and /; at "
                          "most %d bytes)",
                          path, PATH_BYTES);
    if (bundle->count == BUNDLE_FILES)
        return mem_printf("there are more than %d files", BUNDLE_FILES);
    if (len > BUNDLE_BYTES - bundle->bytes)
        return mem_printf("the files are larger than %d KiB together", BUNDLE_BYTES >> 10);
    bundle->files = mem_grow(bundle->files, (size_t)bundle->count + 1, sizeof *bundle->files);
    bundle->files[bundle->count++] =
        (struct bundle_file){ .path = mem_text(path), .text = mem_copy(text, len), .len = len };
    bundle->bytes += len;
    return NULL;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct bundle_file *)a)->path, ((const struct bundle_file *)b)->path);
}

/* "path\nlength\n", then the bytes, for each file. */
static void append_all(const struct bundle *bundle, struct bytes *bytes)
{
    for (int i = 0; i < bundle->count; i++) {
        const struct bundle_file *file = &bundle->files[i];
        bytes_printf(bytes, "%s\n%zu\n", file->path, file->len);
        bytes_add(bytes, file->text, file->len);
    }
}

/* The path of a file that would have to be a folder as well, for `path` to be in it; or NULL. */
static const char *file_above(const struct bundle *bundle, const char *path)
{
    char folder[PATH_BYTES + 1];
    for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        const struct bundle_file *file = bundle_find(bundle, folder);
        if (file) return file->path;
    }
    return NULL;
}

char *bundle_seal(struct bundle *bundle)
{
    struct bytes all = { 0 };
    if (bundle->count) qsort(bundle->files, (size_t)bundle->count, sizeof *bundle->files, by_path);
    for (int i = 1; i < bundle->count; i++)
        if (by_path(&bundle->files[i - 1], &bundle->files[i]) == 0)
            return mem_printf("%s is there twice", bundle->files[i].path);
    for (int i = 0; i < bundle->count; i++) {
        const char *above = file_above(bundle, bundle->files[i].path);
        if (above) return mem_printf("%s is a file, and %s is in it", above, bundle->files[i].path);
    }
    append_all(bundle, &all);
    hash_content(all.data, all.len, BUNDLE_HASH, bundle->hash);
    bytes_free(&all);
    return NULL;
}

const struct bundle_file *bundle_find(const struct bundle *bundle, const char *path)
{
    struct bundle_file key = { .path = (char *)(uintptr_t)path };
    if (!bundle->count) return NULL;
    return bsearch(&key, bundle->files, (size_t)bundle->count, sizeof key, by_path);
}

/* --- a folder --- */

/* What visit() gets: the path in the folder. It returns NULL, or what is wrong, to be freed. */
typedef char *visit_fn(const char *full_path, const char *path, void *arg);

static char *cannot(const char *path, const char *reason)
{
    return mem_printf("%s: %s", path, reason);
}

/* Visits every file that bundle_read() would read. `link_flag`: 0; or AT_SYMLINK_NOFOLLOW, to visit
 * symbolic links themselves, never what is behind them. */
static char *walk(const char *folder, const char *inner, int depth, int link_flag, visit_fn *visit,
                  void *arg)
{
    char *message = NULL, full_path[PATH_MAX], path[PATH_MAX];
    DIR *entries = opendir(folder);
    if (!entries) return errno == ENOENT && depth == 0 ? NULL : cannot(folder, strerror(errno));
    for (struct dirent *entry; !message && (entry = readdir(entries));) {
        struct stat info;
        size_t len = strlen(entry->d_name);
        if (!is_part(entry->d_name, len) || entry->d_name[len - 1] == '~' ||
            snprintf(full_path, sizeof full_path, "%s/%s", folder, entry->d_name) >=
                (int)sizeof full_path ||
            snprintf(path, sizeof path, "%s%s%s", inner, *inner ? "/" : "", entry->d_name) >=
                (int)sizeof path ||
            fstatat(AT_FDCWD, full_path, &info, link_flag) != 0)
            continue;
        if (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) message = visit(full_path, path, arg);
        if (S_ISDIR(info.st_mode) && depth == DEPTH_MAX)
            message = cannot(full_path, "is nested too deeply");
        else if (S_ISDIR(info.st_mode))
            message = walk(full_path, path, depth + 1, link_flag, visit, arg);
    }
    closedir(entries);
    return message;
}

static char *read_file(const char *full_path, const char *path, void *bundle)
{
    size_t len;
    char *text = file_read(full_path, BUNDLE_BYTES, &len);
    if (!text) return cannot(full_path, errno == EFBIG ? "is larger than 1 MiB" : strerror(errno));
    char *message = bundle_add(bundle, path, text, len);
    free(text);
    return message;
}

struct bundle *bundle_read(const char *folder, char **message)
{
    struct bundle *bundle = bundle_new();
    *message = walk(folder, "", 0, 0, read_file, bundle);
    if (!*message) *message = bundle_seal(bundle);
    if (!*message) return bundle;
    bundle_unref(bundle);
    return NULL;
}

static char *remove_other(const char *full_path, const char *path, void *bundle)
{
    if (bundle_find(bundle, path) || unlink(full_path) == 0) return NULL;
    return cannot(full_path, strerror(errno));
}

/* Makes the folders above a file. */
static void make_folders(char *full_path, size_t from)
{
    for (char *slash = full_path + from; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(full_path, 0755); /* a failure shows when the file is written */
        *slash = '/';
    }
}

/* Files that hold the same already are left alone, so that editors and watchers see no change. */
static char *write_file(const struct bundle_file *file, const char *folder)
{
    char *full_path = mem_printf("%s/%s", folder, file->path), *message = NULL;
    size_t len;
    char *old = file_read(full_path, BUNDLE_BYTES, &len);
    int is_same = old && len == file->len && memcmp(old, file->text, len) == 0;
    free(old);
    make_folders(full_path, strlen(folder));
    if (!is_same && file_replace_unsynced(full_path, file->text, file->len, 0644) != 0)
        message = cannot(full_path, strerror(errno));
    free(full_path);
    return message;
}

char *bundle_write(const struct bundle *bundle, const char *folder)
{
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) return cannot(folder, strerror(errno));
    char *message =
        walk(folder, "", 0, AT_SYMLINK_NOFOLLOW, remove_other, (void *)(uintptr_t)bundle);
    for (int i = 0; i < bundle->count && !message; i++)
        message = write_file(&bundle->files[i], folder);
    /* One wait for all of them: one for each held the loop up for 2 s with 200 files. */
    if (!message && file_sync_all(folder) != 0) message = cannot(folder, strerror(errno));
    return message;
}

/* --- to a child process --- */

int bundle_channel(void)
{
    return memfd_create("bundle", MFD_CLOEXEC);
}

int bundle_send(const struct bundle *bundle, int channel)
{
    struct bytes all = { 0 };
    size_t sent = 0;
    append_all(bundle, &all);
    while (sent < all.len) {
        ssize_t n = write(channel, all.data + sent, all.len - sent);
        if (n < 0 && errno != EINTR) break;
        if (n > 0) sent += (size_t)n;
    }
    int failed = sent < all.len ? -1 : 0;
    bytes_free(&all);
    return failed;
}

/* Adds the files of a text that append_all() made. */
static char *add_all(struct bundle *bundle, char *text, size_t size)
{
    char *at = text, *end = text + size, *message = NULL;
    while (at < end && !message) {
        char *path_end = memchr(at, '\n', (size_t)(end - at));
        char *len_end = path_end ? memchr(path_end + 1, '\n', (size_t)(end - path_end - 1)) : NULL;
        uint64_t len;
        if (!len_end || bytes_read_uint(path_end + 1, (size_t)(len_end - path_end - 1),
                                        (uint64_t)(end - len_end - 1), &len) != 0)
            return mem_text("the scripts did not arrive whole");
        *path_end = '\0';
        message = bundle_add(bundle, at, len_end + 1, (size_t)len);
        at = len_end + 1 + len;
    }
    return message;
}

struct bundle *bundle_receive(int fd, char **message)
{
    char path[64];
    size_t size;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    char *text = file_read(path, 2 * BUNDLE_BYTES, &size);
    if (!text) *message = cannot(path, strerror(errno));
    close(fd);
    if (!text) return NULL;
    struct bundle *bundle = bundle_new();
    *message = add_all(bundle, text, size);
    free(text);
    if (!*message) *message = bundle_seal(bundle);
    if (!*message) return bundle;
    bundle_unref(bundle);
    return NULL;
}
