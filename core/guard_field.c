#include "guard_internal.h"

#include <arpa/inet.h>
#include <string.h>

enum {
    PORT_DIGITS = 5,   /* at most */
    HOST_LONGEST = 255 /* of a name */
};

/* clang-format off */
const uint8_t guard_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0,                 /* tab */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    4, 7, 4, 5, 7, 7, 7, 7, 6, 6, 7, 7, 6, 15, 15, 6,               /*  !"#$%&'()*+,-./ */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 4, 6, 4, 6,       /* 0123456789:;<=>? */
    6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  /* @ABCDEFGHIJKLMNO */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 4, 6, 7, 15,     /* PQRSTUVWXYZ[\]^_ */
    5, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  /* `abcdefghijklmno */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 7, 0,      /* pqrstuvwxyz{|}~  */
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
};
/* clang-format on */

/* ---- words ---- */

void guard_word_add(struct guard *guard, const char *bytes, size_t len)
{
    char *word = guard->word + guard->now.word;
    if (len > GUARD_WORD - (size_t)guard->now.word) len = GUARD_WORD - (size_t)guard->now.word;
    for (size_t i = 0; i < len; i++)
        word[i] = (char)lower((unsigned char)bytes[i]);
    guard->now.word += (uint16_t)len;
}

int guard_word_is(const struct guard *guard, const char *text)
{
    return guard->now.word == strlen(text) && memcmp(guard->word, text, guard->now.word) == 0;
}

static void trim(struct guard *guard)
{
    while (guard->now.word > 0 &&
           (guard->word[guard->now.word - 1] == ' ' || guard->word[guard->now.word - 1] == '\t'))
        guard->now.word--;
}

/* Nothing, or a colon and a port. */
static int is_port(const char *text, size_t len)
{
    unsigned port = 0;
    if (len == 0) return 1;
    if (*text != ':' || len > 1 + PORT_DIGITS) return 0;
    for (size_t i = 1; i < len; i++) {
        if (!is_digit(text[i])) return 0;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= 65535;
}

/* The length of an IPv6 address in brackets; 0: it is none. */
static size_t literal_length(const char *text, size_t len)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    const char *end = memchr(text, ']', len);
    if (!end || (size_t)(end - text) > sizeof address) return 0;
    memcpy(address, text + 1, (size_t)(end - text) - 1);
    address[end - text - 1] = 0;
    return inet_pton(AF_INET6, address, &parsed) == 1 ? (size_t)(end - text) + 1 : 0;
}

/* The word is a host, and maybe a port. */
int guard_word_is_authority(const struct guard *guard)
{
    const char *text = guard->word;
    size_t len = guard->now.word, host = 0;
    if (len > 0 && *text == '[')
        host = literal_length(text, len);
    else
        while (host < len && guard_is((unsigned char)text[host], IS_HOST))
            host++;
    return host > 0 && host <= HOST_LONGEST && is_port(text + host, len - host);
}

/* ---- fields ---- */

enum field guard_field_kind(const struct guard *guard)
{
    if (guard->now.trailer) return FIELD_OTHER;
    switch (guard->now.word) {
    case 4:
        return guard_word_is(guard, "host") ? FIELD_HOST : FIELD_OTHER;
    case 6:
        return guard_word_is(guard, "expect") ? FIELD_EXPECT : FIELD_OTHER;
    case 14:
        return guard_word_is(guard, "content-length") ? FIELD_LENGTH : FIELD_OTHER;
    case 17:
        return guard_word_is(guard, "transfer-encoding") ? FIELD_CODING : FIELD_OTHER;
    default:
        return FIELD_OTHER;
    }
}

static enum fate host_end(struct guard *guard)
{
    if (guard->now.host) return guard_bad(guard, "The request has more than one Host.");
    if (!guard_word_is_authority(guard))
        return guard_bad(guard, "The request's Host is no valid host.");
    guard->now.host = 1;
    return KEEP;
}

/* Two lengths are refused even when they agree. */
static enum fate length_end(struct guard *guard)
{
    struct guard_message *now = &guard->now;
    if (now->length || now->word == 0)
        return guard_bad(guard, "The request's Content-Length must be one number, given once.");
    now->length = 1;
    for (size_t i = 0; i < now->word; i++) {
        if (!is_digit(guard->word[i]))
            return guard_bad(guard, "The request's Content-Length must be one number, given once.");
        now->left = now->left > guard->limits->body_bytes ? now->left
                                                          : now->left * 10 + guard->word[i] - '0';
    }
    if (now->left > guard->limits->body_bytes)
        return guard_refuse(guard, 413, "body_too_large", "The request's body is too large.");
    return KEEP;
}

/* A body that ends in another coding than chunked has no end that can be known; one in front of it
 * would have to be undone. */
static enum fate coding_end(struct guard *guard)
{
    size_t len = guard->now.word;
    if (guard->now.chunked)
        return guard_bad(guard, "The request has more than one Transfer-Encoding.");
    guard->now.chunked = 1;
    if (guard_word_is(guard, "chunked")) return KEEP;
    if (len > 8 && memcmp(guard->word + len - 7, "chunked", 7) == 0 &&
        strchr(", \t", guard->word[len - 8]) && !memmem(guard->word, len - 7, "chunked", 7))
        return guard_refuse(guard, 501, "coding_unknown",
                            "The only Transfer-Encoding known here is chunked.");
    return guard_bad(guard, "The request's Transfer-Encoding must be chunked.");
}

enum fate guard_field_end(struct guard *guard)
{
    if (guard->now.field == FIELD_OTHER) return KEEP;
    if (guard->now.word == GUARD_WORD)
        return guard_bad(guard, "The value of a header field is too long.");
    trim(guard);
    switch (guard->now.field) {
    case FIELD_HOST:
        return host_end(guard);
    case FIELD_LENGTH:
        return length_end(guard);
    case FIELD_CODING:
        return coding_end(guard);
    default:
        if (!guard_word_is(guard, "100-continue")) guard->now.expects = 1;
        return KEEP;
    }
}
