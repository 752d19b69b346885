#include "www.h"
#include "bundle.h"
#include "bytes.h"
#include "file.h"
#include "gzip.h"
#include "hash.h"
#include "http_text.h"
#include "httpd_reply.h"
#include "httpd_request.h"
#include "log.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <strings.h>
#include <sys/stat.h>

enum { FILE_BYTES_MAX = 16 << 20, DEPTH_MAX = 16, ETAG_LEN = 32, VERSION_LEN = 16 };

struct file {
    struct www_file file;    /* first: www_find() gives it out */
    const struct file *gzip; /* its compressed form, or NULL */
    char etag[ETAG_LEN + 1];
};

struct www {
    char *folder, *prefix;
    struct file *files; /* sorted by path */
    size_t count;
    char version[VERSION_LEN + 1];
    char *failure;
};

/* --- loading --- */

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

/* Keeps the first failure. */
static void fail(struct www *www, const char *path, const char *reason)
{
    if (!www->failure) www->failure = mem_printf("%s: %s", path, reason);
}

/* Takes over `path` and `bytes`. */
static void add(struct www *www, char *path, char *bytes, size_t len)
{
    www->files = mem_grow(www->files, www->count + 1, sizeof *www->files);
    struct file *file = &www->files[www->count++];
    *file = (struct file){ .file = {
                               .path = path, .type = type_of(path), .bytes = bytes, .len = len } };
    hash_content(bytes, len, ETAG_LEN, file->etag);
}

static void add_file(struct www *www, const char *path)
{
    size_t len;
    char *bytes = file_read(path, FILE_BYTES_MAX, &len);
    if (bytes)
        add(www, mem_text(path + strlen(www->folder) + 1), bytes, len);
    else
        fail(www, path, errno == EFBIG ? "is larger than 16 MB" : strerror(errno));
}

static void add_site(struct www *www, const struct bundle *site)
{
    for (int i = 0; i < site->count; i++) {
        const struct bundle_file *file = &site->files[i];
        if (strncmp(file->path, "www/", 4) != 0) continue;
        add(www, mem_printf("site/%s", file->path + 4), mem_copy(file->text, file->len), file->len);
    }
}

/* A link may point anywhere below the folder, and nowhere else. */
static int is_inside(const struct www *www, const char *path)
{
    char real[PATH_MAX];
    size_t len = strlen(www->folder);
    return realpath(path, real) && strncmp(real, www->folder, len) == 0 && real[len] == '/';
}

static void add_folder(struct www *www, const char *path, int depth)
{
    DIR *dir = depth < DEPTH_MAX ? opendir(path) : NULL;
    if (!dir) {
        fail(www, path, depth < DEPTH_MAX ? strerror(errno) : "is nested too deeply");
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;
        char child[PATH_MAX];
        int len = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] == '.' || len >= (int)sizeof child || !is_inside(www, child) ||
            stat(child, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode)) add_folder(www, child, depth + 1);
        if (S_ISREG(st.st_mode)) add_file(www, child);
    }
    closedir(dir);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->file.path, ((const struct file *)b)->file.path);
}

static const struct file *find(const struct www *www, const char *path)
{
    struct file key = { .file = { .path = path } };
    return www->count ? bsearch(&key, www->files, www->count, sizeof key, by_path) : NULL;
}

/* Finds the compressed form of a file, unless the file has changed since it was made. */
static void pair_gzip(const struct www *www, struct file *file)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.gz", file->file.path);
    const struct file *gzip = find(www, path);
    if (!gzip) return;
    if (gzip_is_of(gzip->file.bytes, gzip->file.len, file->file.bytes, file->file.len))
        file->gzip = gzip;
    else
        log_line(LOG_WARN, "www.stale",
                 "%s was not made of %s as it is now and is not used; compress it again", path,
                 file->file.path);
}

/* Compressed files are left out: compressed again, the same file may give other bytes. */
static void make_version(struct www *www)
{
    struct bytes list = { 0 };
    for (size_t i = 0; i < www->count; i++) {
        const struct www_file *file = &www->files[i].file;
        if (strcmp(file->type, "application/gzip") == 0) continue;
        bytes_printf(&list, "%s %s\n", file->path, file->etag);
    }
    hash_content(list.data, list.len, VERSION_LEN, www->version);
    bytes_free(&list);
}

static void finish(struct www *www)
{
    if (www->count) qsort(www->files, www->count, sizeof *www->files, by_path);
    for (size_t i = 0; i < www->count; i++) {
        www->files[i].file.etag = www->files[i].etag;
        pair_gzip(www, &www->files[i]);
    }
    make_version(www);
}

struct www *www_load(const char *folder, const char *prefix, const struct bundle *site,
                     char **message)
{
    struct www *www = mem_new(1, sizeof *www);
    www->prefix = mem_text(prefix);
    www->folder = realpath(folder, NULL);
    if (www->folder)
        add_folder(www, www->folder, 0);
    else
        fail(www, folder, strerror(errno));
    if (site) add_site(www, site);
    if (www->failure) {
        *message = www->failure;
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
    const struct file *file = find(www, path);
    return file ? &file->file : NULL;
}

char *www_url(const struct www *www, const char *path)
{
    return find(www, path) ? mem_printf("%s%s/%s", www->prefix, www->version, path) : NULL;
}

/* --- serving --- */

/* Whether the client has these bytes: an If-None-Match with the tag of the plain or the compressed
 * form, strong or weak. */
static int is_cached(const char *list, const char *etag)
{
    size_t len;
    for (; list && (len = http_list_next(&list)) > 0; list += len) {
        const char *tag = strncmp(list, "W/", 2) == 0 ? list + 2 : list;
        if (*tag == '*') return 1;
        if (*tag != '"' || strncmp(tag + 1, etag, ETAG_LEN) != 0) continue;
        if (tag[1 + ETAG_LEN] == '"' || strncmp(tag + 1 + ETAG_LEN, "-gz\"", 4) == 0) return 1;
    }
    return 0;
}

/* The length of any version, with its slash, that the path starts with; 0 without one. */
static size_t version_len(const char *path)
{
    int has_version = strspn(path, "0123456789abcdef") == VERSION_LEN && path[VERSION_LEN] == '/';
    return has_version ? VERSION_LEN + 1 : 0;
}

static void serve(struct httpd_request *request, const struct file *file, int is_immutable)
{
    int is_gzip = file->gzip && http_accepts_gzip(httpd_header(request, "accept-encoding"));
    int status = is_cached(httpd_header(request, "if-none-match"), file->etag) ? 304 : 200;
    const struct www_file *sent = is_gzip ? &file->gzip->file : &file->file;
    char etag[ETAG_LEN + 8];
    struct httpd_field fields[6] = {
        { "ETag", etag },
        { "Cache-Control", is_immutable ? "public, max-age=31536000, immutable" : "no-cache" },
    };
    int n = 2;
    snprintf(etag, sizeof etag, "\"%s%s\"", file->etag, is_gzip ? "-gz" : "");
    if (file->gzip) fields[n++] = (struct httpd_field){ "Vary", "Accept-Encoding" };
    if (status == 200) fields[n++] = (struct httpd_field){ "Content-Type", file->file.type };
    if (status == 200 && is_gzip) fields[n++] = (struct httpd_field){ "Content-Encoding", "gzip" };
    httpd_reply(request, status, fields, sent->bytes, sent->len);
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
    const struct file *file = find(www, path + version);
    if (!file) return 0;
    serve(request, file, version && strncmp(path, www->version, VERSION_LEN) == 0);
    return 1;
}
