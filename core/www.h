/* www: the static files of a folder, read when it is loaded, never while a request is answered.
 *
 * Each file has its type, a strong ETag, and the gzip of it when FILE.gz is beside it and was made
 * of it. All files together have a version: PREFIX/VERSION/app.js never changes, and neither does
 * what it imports by a relative address. */
#ifndef WWW_H
#define WWW_H
#include <stddef.h>

struct bundle;
struct httpd_request;
struct www;
struct www_file {
    const char *path; /* below the folder */
    const char *type;
    const char *etag;
    const char *bytes;
    size_t len;
};

/* Reads every regular file below `folder` (no dot files, no links that leave it), to be answered
 * below `prefix` ("/assets/"). The files in www/ of `site` (may be NULL) are added as site/FILE.
 * NULL and *message (the caller frees it) on failure. Waits for the disk. */
struct www *www_load(const char *folder, const char *prefix, const struct bundle *site,
                     char **message);
void www_free(struct www *www);
/* Answers GET and HEAD of a file it has and returns 1; else returns 0 and leaves the request alone.
 * Below the version the answer is immutable for a year. Without a version, or below another one (a
 * page opened before an upgrade), it is the file as it is now, to be revalidated each time. */
int www_serve(struct www *www, struct httpd_request *request);
/* 16 hex digits that change when any of the files does. Lives as long as www. */
const char *www_version(const struct www *www);
/* The file at `path` below the folder ("app.js"), or NULL. Lives as long as www. */
const struct www_file *www_find(const struct www *www, const char *path);
/* "/assets/VERSION/app.js" for "app.js"; NULL when there is no such file. The caller frees it. */
char *www_url(const struct www *www, const char *path);
#endif
