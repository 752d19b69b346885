/* guard: a strict reading of HTTP/1.1, in front of a parser that is not strict.
 *
 * It follows the bytes of one connection, one after the other, and lets through only what can be
 * read in one way: a request line of three parts, fields whose names are tokens and whose values
 * hold no controls, CRLF and nothing else at each line's end, one Host, one framing. What is
 * allowed but not understood behind it is taken out: empty lines before a request, chunk
 * extensions, trailers, the body of a HEAD. At the first byte that is not allowed it stops, for
 * good, and says what to answer; that byte and all after it are kept back, so that the parser
 * behind never has a whole request of the refused one.
 *
 * How the bytes are split into pieces makes no difference. Nothing is allocated; no other unit is
 * used.
 */
#ifndef GUARD_H
#define GUARD_H
#include <stddef.h>
#include <stdint.h>

struct guard_limits {
    uint32_t head_bytes; /* request line, fields, chunk extensions and trailers of one request, with
                            their line ends; else 431 */
    uint32_t target_bytes; /* of the request's target; else 414 */
    uint32_t fields;       /* header fields and trailers; else 431 */
    int64_t body_bytes;    /* else 413 */
};

enum {
    GUARD_WORD = 264,  /* a host name, a colon, a port, and some */
    GUARD_STOPPED = -1 /* by guard_stop(): there is nothing to answer */
};

/* The request that is coming in. */
struct guard_message {
    int64_t left;         /* of the body, or of the chunk: bytes to come */
    int64_t body;         /* of a chunked body: bytes announced so far */
    uint32_t head;        /* bytes that count as its head */
    uint32_t target;      /* bytes of its target */
    uint16_t fields;      /* so far */
    uint16_t word;        /* bytes in the guard's `word` */
    uint8_t state;        /* what must come next */
    uint8_t field;        /* which field this is, if it is one that matters */
    uint8_t digits;       /* of a chunk's size */
    unsigned http11 : 1;  /* else 1.0 */
    unsigned is_head : 1; /* HEAD: its body is taken out */
    unsigned options : 1; /* OPTIONS */
    unsigned host : 1, length : 1, chunked : 1,
        expects : 1;      /* fields that it has; expects: something that nobody here does */
    unsigned trailer : 1; /* the last chunk was there */
    unsigned hide : 1;    /* what comes now is taken out */
};

struct guard {
    const struct guard_limits *limits;
    int status; /* 0, or what to answer, or GUARD_STOPPED; then nothing gets through any more */
    const char *code;   /* and why, as a stable word */
    const char *detail; /* and as a sentence */
    uint32_t
        messages; /* requests that are through to their last byte; a HEAD to the last of its head */
    struct guard_message now;
    char word[GUARD_WORD]; /* a method, a version, a field's name or its value */
};

/* `limits` must live as long as the guard. */
void guard_init(struct guard *guard, const struct guard_limits *limits);
/* Reads the next bytes. What the parser may see of them stands at the front of `bytes` afterwards;
 * returns how much that is. */
size_t guard_feed(struct guard *guard, char *bytes, size_t len);
/* Nothing gets through from now on. */
void guard_stop(struct guard *guard);
/* 1 between the first byte of a request and the end of its head. */
int guard_in_head(const struct guard *guard);
/* 1 between the first byte of a request and its last. */
int guard_in_message(const struct guard *guard);
/* 1 when the request that is coming in, or was refused, is known to be a HEAD. */
int guard_is_head(const struct guard *guard);
#endif
