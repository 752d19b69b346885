/* guard_request: what the guard has read of one request's head. This is the only reading of it:
 * the server and the scripts take everything from here.
 *
 * Field names are in lower case. Field lines with the same name are joined into one value in their
 * order, with ", " (RFC 9110, 5.3), Cookie with "; " (RFC 9113, 8.2.3). */
#ifndef GUARD_REQUEST_H
#define GUARD_REQUEST_H
#include "bytes.h"

struct guard_field {
    uint32_t name, value; /* offsets of strings in `text` */
};

struct guard_request {
    struct guard_request *next; /* the one that was read after it */
    const char *method;         /* a constant */
    uint32_t path, query;       /* offsets of strings in `text` */
    unsigned is_absolute : 1;   /* the target was a URL; its authority is the first string */
    unsigned http11 : 1;        /* HTTP/1.1; else 1.0 */
    unsigned close : 1;         /* the client wants the connection closed after the answer */
    struct bytes text;
    struct guard_field *fields;
    uint32_t nfields;
};

/* An empty request for "/". The caller frees it. */
struct guard_request *guard_request_new(void);
void guard_request_free(struct guard_request *request);
/* A string of the request. Valid until the request changes or is freed. */
const char *guard_request_text(const struct guard_request *request, uint32_t offset);
/* The value of a field, or NULL. `name` is in lower case. */
const char *guard_request_field(const struct guard_request *request, const char *name);
/* Adds a field line. Its name and its value are the last strings in `text`, at these offsets. */
void guard_request_add_field(struct guard_request *request, uint32_t name, uint32_t value);
/* Splits the target, which is all that is in `text`, into path and query. Returns 0; -1 when it is
 * neither a path that starts with one slash, nor an http(s) URL with a valid host, nor the "*" of
 * OPTIONS. */
int guard_request_split_target(struct guard_request *request);

/* --- the fields that decide where a request ends and whom it is for, and whether they can be read
 * in one way only --- */

/* What to answer; status 0: nothing. */
struct guard_refusal {
    int status;
    const char *code;   /* a stable token */
    const char *detail; /* a sentence */
};

struct guard_framing {
    int64_t length; /* what Content-Length says */
    unsigned has_host : 1, has_length : 1, is_chunked : 1;
    unsigned has_expectation : 1; /* another one than 100-continue */
};

/* Takes note of one field line. Lengths above `body_max` are refused. */
struct guard_refusal guard_framing_read(struct guard_framing *framing, int64_t body_max,
                                        const char *name, const char *value);
/* Checks the whole head. */
struct guard_refusal guard_framing_end(const struct guard_framing *framing,
                                       const struct guard_request *request);
#endif
