#include "www.h"
#include "gzip.h"
#include "httpd.h"
#include "log.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 16 << 20, ETAG_LETTERS = 32, VERSION_LETTERS = 16 };

struct file {
    struct www_file file; /* first: www_find() gives it out */
    char *gzip;           /* NULL: no twin */
    size_t gzip_len;
    char etag[ETAG_LETTERS + 1];
};

struct www {
    char *folder, *prefix;
    struct file *files; /* sorted by path */
    size_t count;
    char version[ETAG_LETTERS + 1]; /* of it VERSION_LETTERS are used */
    char *trouble;
};

/* ---- loading ---- */

static const char *type_of(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".mjs", "text/javascript; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".json", "application/json" },
        { ".webmanifest", "application/manifest+json" },
        { ".txt", "text/plain; charset=utf-8" },
        { ".svg", "image/svg+xml" },
        { ".png", "image/png" },
        { ".jpg", "image/jpeg" },
        { ".webp", "image/webp" },
        { ".ico", "image/x-icon" },
        { ".woff2", "font/woff2" },
        { ".gz", "application/gzip" },
    };
    const char *ending = strrchr(path, '.');
    for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(ending, types[i].ending) == 0) return types[i].type;
    return "application/octet-stream";
}

static void hash(const char *bytes, size_t len, char hex[ETAG_LETTERS + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL);
    for (int i = 0; i < ETAG_LETTERS / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static void complain(struct www *www, const char *path, const char *reason)
{
    if (!www->trouble && asprintf(&www->trouble, "%s: %s", path, reason) < 0) www->trouble = NULL;
}

static char *read_all(int fd, size_t len)
{
    char *bytes = mem_grow(NULL, len + 1, 1);
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, bytes + got, len - got);
        if (n <= 0) {
            free(bytes);
            return NULL;
        }
        got += (size_t)n;
    }
    bytes[len] = 0;
    return bytes;
}

static void add_file(struct www *www, const char *full, const struct stat *st)
{
    int fd = open(full, O_RDONLY | O_CLOEXEC);
    char *bytes = fd < 0 || st->st_size > MOST_BYTES ? NULL : read_all(fd, (size_t)st->st_size);
    if (!bytes)
        complain(www, full,
                 fd >= 0 && st->st_size > MOST_BYTES ? "is larger than 16 MB" : strerror(errno));
    if (fd >= 0) close(fd);
    if (!bytes) return;
    www->files = mem_grow(www->files, www->count + 1, sizeof *www->files);
    struct file *file = &www->files[www->count++];
    *file = (struct file){ 0 };
    file->file = (struct www_file){ mem_text(full + strlen(www->folder) + 1), type_of(full), NULL,
                                    bytes, (size_t)st->st_size };
    hash(bytes, file->file.len, file->etag);
}

/* A link may point anywhere below the folder, and nowhere else. */
static int stays_inside(const struct www *www, const char *full)
{
    char real[PATH_MAX];
    size_t len = strlen(www->folder);
    return realpath(full, real) && strncmp(real, www->folder, len) == 0 && real[len] == '/';
}

static void add_folder(struct www *www, const char *full, int depth);

static void add_entry(struct www *www, const char *full, int depth)
{
    struct stat st;
    if (!stays_inside(www, full) || stat(full, &st) != 0) return;
    if (S_ISDIR(st.st_mode)) add_folder(www, full, depth + 1);
    if (S_ISREG(st.st_mode)) add_file(www, full, &st);
}

static void add_folder(struct www *www, const char *full, int depth)
{
    DIR *dir = depth < 16 ? opendir(full) : NULL;
    struct dirent *entry;
    char path[PATH_MAX];
    if (!dir) {
        complain(www, full, depth < 16 ? strerror(errno) : "is nested too deeply");
        return;
    }
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.') continue;
        if (snprintf(path, sizeof path, "%s/%s", full, entry->d_name) < (int)sizeof path)
            add_entry(www, path, depth);
    }
    closedir(dir);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->file.path, ((const struct file *)b)->file.path);
}

static struct file *find(const struct www *www, const char *path)
{
    struct file key = { .file = { .path = path } };
    return www->count ? bsearch(&key, www->files, www->count, sizeof key, by_path) : NULL;
}

/* Gives a file the twin that stands beside it, unless the file has changed since. */
static void pair_twin(const struct www *www, struct file *file)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.gz", file->file.path);
    const struct file *twin = find(www, path);
    if (!twin) return;
    if (!gzip_is_of(twin->file.bytes, twin->file.len, file->file.bytes, file->file.len)) {
        log_line(LOG_WARN, "www.stale",
                 "%s was not made of %s as it is now and is not used; compress it again", path,
                 file->file.path);
        return;
    }
    file->gzip = (char *)(uintptr_t)twin->file.bytes;
    file->gzip_len = twin->file.len;
}

/* Twins have no part in it: compressed again, they are another's bytes for the same file. */
static void make_version(struct www *www)
{
    char *list = mem_text("");
    size_t len = 0;
    for (size_t i = 0; i < www->count; i++) {
        const struct www_file *file = &www->files[i].file;
        if (strcmp(file->type, "application/gzip") == 0) continue;
        size_t room = strlen(file->path) + ETAG_LETTERS + 3;
        list = mem_grow(list, len + room, 1);
        len += (size_t)snprintf(list + len, room, "%s %s\n", file->path, file->etag);
    }
    hash(list, len, www->version);
    www->version[VERSION_LETTERS] = 0;
    free(list);
}

static void finish(struct www *www)
{
    if (www->count) qsort(www->files, www->count, sizeof *www->files, by_path);
    for (size_t i = 0; i < www->count; i++) {
        www->files[i].file.etag = www->files[i].etag;
        pair_twin(www, &www->files[i]);
    }
    make_version(www);
}

struct www *www_load(const char *folder, const char *prefix, char **message)
{
    struct www *www = mem_new(1, sizeof *www);
    www->prefix = mem_text(prefix);
    www->folder = realpath(folder, NULL);
    if (www->folder)
        add_folder(www, www->folder, 0);
    else
        complain(www, folder, strerror(errno));
    if (www->trouble) {
        *message = www->trouble;
        www_free(www);
        return NULL;
    }
    finish(www);
    return www;
}

void www_free(struct www *www)
{
    if (!www) return;
    for (size_t i = 0; i < www->count; i++) {
        free((char *)(uintptr_t)www->files[i].file.path);
        free((char *)(uintptr_t)www->files[i].file.bytes);
    }
    free(www->files);
    free(www->folder);
    free(www->prefix);
    free(www);
}

const char *www_version(const struct www *www)
{
    return www->version;
}

const struct www_file *www_find(const struct www *www, const char *path)
{
    struct file *file = find(www, path);
    return file ? &file->file : NULL;
}

/* ---- serving ---- */

/* The next item of a comma-separated list; its length, or 0 at the end. */
static size_t next_item(const char **list)
{
    *list += strspn(*list, ", \t");
    return strcspn(*list, ",");
}

/* The tag as it is for the plain bytes or for the twin, strong or weak: the client has these bytes.
 */
static int has_it_already(const char *list, const char *etag)
{
    size_t len;
    for (; list && (len = next_item(&list)) > 0; list += len) {
        const char *tag = strncmp(list, "W/", 2) == 0 ? list + 2 : list;
        if (*tag == '*') return 1;
        if (*tag != '"' || strncmp(tag + 1, etag, ETAG_LETTERS) != 0) continue;
        if (tag[1 + ETAG_LETTERS] == '"' || strncmp(tag + 1 + ETAG_LETTERS, "-gz\"", 4) == 0)
            return 1;
    }
    return 0;
}

/* The length of the version that a path begins with, with its slash: of any version, or 0. */
static size_t version_len(const char *path)
{
    return strspn(path, "0123456789abcdef") == VERSION_LETTERS && path[VERSION_LETTERS] == '/'
               ? VERSION_LETTERS + 1
               : 0;
}

static void serve(struct httpd_request *request, const struct file *file, int for_ever)
{
    char etag[ETAG_LETTERS + 8];
    int gzip = file->gzip && httpd_accepts_gzip(request);
    int same = has_it_already(httpd_header(request, "If-None-Match"), file->etag);
    struct httpd_field fields[8] = {
        { "ETag", etag },
        { "Cache-Control", for_ever ? "public, max-age=31536000, immutable" : "no-cache" }
    };
    int n = 2;
    snprintf(etag, sizeof etag, "\"%s%s\"", file->etag, gzip ? "-gz" : "");
    if (file->gzip) fields[n++] = (struct httpd_field){ "Vary", "Accept-Encoding" };
    if (!same) fields[n++] = (struct httpd_field){ "Content-Type", file->file.type };
    if (!same && gzip) fields[n++] = (struct httpd_field){ "Content-Encoding", "gzip" };
    httpd_reply(request, same ? 304 : 200, fields, gzip ? file->gzip : file->file.bytes,
                gzip ? file->gzip_len : file->file.len);
}

int www_serve(struct www *www, struct httpd_request *request)
{
    const char *path = httpd_path(request), *method = httpd_method(request);
    size_t prefix = strlen(www->prefix);
    if (strncmp(path, www->prefix, prefix) != 0 ||
        (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0))
        return 0;
    path += prefix;
    size_t version = version_len(path);
    struct file *file = find(www, path + version);
    if (!file) return 0;
    serve(request, file, version && strncmp(path, www->version, VERSION_LETTERS) == 0);
    return 1;
}
