/* www: static files, from a table made at start (and made again by www_load), never from the
 * request path. Each file has its type, a strong ETag (128 bits of the SHA-256 of its bytes, as 32
 * hex digits), and its compressed twin when FILE.gz stands beside it and was made of it. All of
 * them together have a version: PREFIX/VERSION/app.js is app.js as it is for ever, and so is what
 * it imports by a relative address. */
#ifndef WWW_H
#define WWW_H
#include <stddef.h>

struct httpd_request;
struct www;
struct www_file {
    const char *path;
    const char *type;
    const char *etag;
    const char *bytes;
    size_t len;
};

/* Reads every regular file below `folder` (no dot files, no links that leave it), to be answered
 * below `prefix` ("/assets/"). NULL and *message (caller frees) on failure. */
struct www *www_load(const char *folder, const char *prefix, char **message);
void www_free(struct www *www);
/* Answers GET and HEAD of a file it has (200 or 304, gzip if asked for) and returns 1; else returns
 * 0 and leaves the request alone. Below the version the answer is immutable for a year. Below none,
 * or another one (a page that was opened before an upgrade), it is the file as it is now, and the
 * client asks again each time. */
int www_serve(struct www *www, struct httpd_request *request);
/* 16 hex digits that change when any of the files does. Lives as long as www. */
const char *www_version(const struct www *www);
/* The file at `path` below the folder ("app.js"), or NULL. Lives as long as www. */
const struct www_file *www_find(const struct www *www, const char *path);
#endif
