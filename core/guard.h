/* guard: a strict reader of HTTP/1.1 in front of evhttp, which is lenient.
 *
 * It reads the bytes of one connection in order and lets through only what has exactly one reading:
 * a request line of three parts, field names that are tokens, values without control bytes, CRLF at
 * each line's end, one Host, one framing. What is allowed but not understood behind it is removed:
 * empty lines before a request, chunk extensions, trailers, the body of a HEAD. At the first byte
 * that is not allowed it stops for good and says what to answer; that byte and all after it are
 * withheld, so evhttp never has a whole request of the refused one.
 *
 * How the bytes are split into pieces makes no difference. On the loop's thread. */
#ifndef GUARD_H
#define GUARD_H
#include "guard_request.h"

struct guard_limits {
    uint32_t head_bytes; /* request line, fields, chunk extensions and trailers of one request, with
                            their line ends; else 431 */
    uint32_t target_bytes; /* else 414 */
    uint32_t fields;       /* header fields and trailers; else 431 */
    int64_t body_bytes;    /* else 413 */
    /* A request with a longer body, or one of unknown length, is shown to this at the end of its
     * head; 1 lets it have long_body_bytes. NULL: none may. */
    int (*takes_long_body)(const struct guard_request *request, void *arg);
    void *arg;
    int64_t long_body_bytes;
};

enum { GUARD_STOPPED = -1 /* by guard_stop(): there is nothing to answer */ };

/* The request that is coming in. */
struct guard_message {
    struct guard_framing framing;
    int64_t left;         /* of the body, or of the chunk: bytes to come */
    int64_t body;         /* of a chunked body: bytes announced so far */
    uint32_t head;        /* bytes that count as its head */
    uint32_t name, token; /* offsets in the request's text: of the field's name; of what is read */
    uint16_t fields;      /* so far */
    uint8_t state;        /* what must come next */
    uint8_t digits;       /* of a chunk's size */
    unsigned is_head : 1; /* HEAD: its body is removed */
    unsigned in_trailer : 1; /* the last chunk was read */
    unsigned is_hidden : 1;  /* what comes now is removed */
    unsigned is_long : 1;    /* its body may have long_body_bytes */
};

struct guard {
    const struct guard_limits *limits;
    struct guard_refusal refusal;  /* from a status that is not 0 on, nothing gets through */
    struct guard_request *reading; /* NULL between requests */
    struct guard_request *complete, *newest; /* read to their end, oldest first */
    struct guard_message now;
};

/* `limits` must live as long as the guard. */
void guard_init(struct guard *guard, const struct guard_limits *limits);
/* Frees what the guard holds. */
void guard_fini(struct guard *guard);
/* Reads the next bytes and moves those that evhttp may see to the front of `bytes`. Returns their
 * number. */
size_t guard_feed(struct guard *guard, char *bytes, size_t len);
/* The oldest complete request that was not taken yet, or NULL. The caller frees it. A request is
 * complete at its last byte, a HEAD at the last of its head. */
struct guard_request *guard_take(struct guard *guard);
/* Nothing gets through from now on. */
void guard_stop(struct guard *guard);
/* 1 between the first byte of a request and the end of its head. */
int guard_in_head(const struct guard *guard);
/* 1 between the first byte of a request and its last. */
int guard_in_message(const struct guard *guard);
/* 1 when the request that is coming in, or was refused, is known to be a HEAD. */
int guard_is_head(const struct guard *guard);
#endif
