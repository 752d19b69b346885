/* httpd_head: the bytes in front of an answer's body, and httpd's own problem documents. Knows no
 * connection.
 *
 * Each answer has Date and X-Request-Id, and, unless the caller gives them, X-Content-Type-Options:
 * nosniff, Referrer-Policy: no-referrer, Cache-Control: no-store and (but for a 304) a
 * Content-Security-Policy that forbids loading and framing. Framing fields of the caller are
 * left out. */
#ifndef HTTPD_HEAD_H
#define HTTPD_HEAD_H
#include <stddef.h>
#include <stdint.h>

struct httpd_field {
    const char *name, *value;
};

struct httpd_head {
    int status;
    const struct httpd_field *fields; /* ends with a NULL name; may be NULL */
    int64_t length;                   /* for Content-Length; -1: none */
    const char *id;                   /* the request's */
    unsigned is_chunked : 1;
    unsigned close : 1;      /* say Connection: close; also set when a field asks for that */
    unsigned keep_alive : 1; /* say Connection: keep-alive, for HTTP/1.0 */
};

enum { HTTPD_ID_LEN = 16, HTTPD_PROBLEM_BYTES = 512 };

/* A new request id: 80 random bits as letters and digits. */
void httpd_id_make(char id[HTTPD_ID_LEN + 1]);
/* Writes the head. Fields with control bytes are left out and logged. Returns the bytes, which are
 * valid until the next call. */
const char *httpd_head_write(struct httpd_head *head, size_t *len);
/* Writes a problem document in English into `body`. Returns its length. `code` and `detail` are
 * constants that need no escape in JSON. */
size_t httpd_problem_write(char body[HTTPD_PROBLEM_BYTES], int status, const char *code,
                           const char *detail, const char *id);
extern const char httpd_allowed_methods[];
#endif
