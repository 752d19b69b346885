/* http_text: the small grammar that HTTP's readers and writers share: character classes, host
 * names, comma-separated lists. Any thread. */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H
#include <stddef.h>
#include <stdint.h>

/* Bit masks: tchar of RFC 9110; what a request target may hold; what a field value may hold
 * (obs-text and tabs included); the characters of a host name. */
enum http_class { HTTP_TOKEN = 1, HTTP_TARGET = 2, HTTP_VALUE = 4, HTTP_HOST = 8 };

extern const uint8_t http_classes[256];
/* Inline: every byte of a request's head passes here. */
static inline int http_is(unsigned char c, enum http_class class)
{
    return http_classes[c] & class;
}

/* How many of the first bytes are in the class. */
static inline size_t http_span(const char *text, size_t len, enum http_class class)
{
    size_t n = 0;
    while (n < len && http_is((unsigned char)text[n], class))
        n++;
    return n;
}

/* 1 when the text is a token: not empty, and nothing but token characters. */
int http_is_token(const char *text, size_t len);
/* 1 for a host name or a bracketed IPv6 address, and maybe a colon and a port. */
int http_is_authority(const char *text, size_t len);
/* The value of a hexadecimal digit; -1 for another character. */
int http_hex_digit(int c);
/* The byte that %XX at text[0..left) stands for; -1 when malformed. */
int http_escaped_byte(const char *text, size_t left);
/* Lower-cases ASCII letters in place. */
void http_lower(char *text, size_t len);
/* Moves *list to the next item of a comma-separated list. Returns the item's length with its
 * parameters; 0 at the end. Quoted commas are part of an item. */
size_t http_list_next(const char **list);
/* 1 when an item of the list is this token, in any case. A NULL list has no items. */
int http_list_has(const char *list, const char *token);

/* An item of a list with weights (RFC 9110, 12.4.2), such as Accept. */
struct http_weighted {
    const char *name; /* not terminated */
    size_t len;
    int weight; /* 0: refused, to 1000 */
};
/* Reads the next item; skips items whose weight is malformed. Returns 0 at the end. */
int http_weighted_next(const char **list, struct http_weighted *item);
/* The weight of a value ("gzip", "text/html") by the most specific item of the list (may be NULL),
 * wildcards included. -1 when no item matches. */
int http_weight(const char *list, const char *value);
/* 1 when an Accept-Encoding value (may be NULL) allows gzip and does not prefer plain answers. */
int http_accepts_gzip(const char *list);
#endif
