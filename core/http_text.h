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
/* Lower-cases ASCII letters in place. */
void http_lower(char *text, size_t len);
/* Moves *list to the next item of a comma-separated list. Returns the item's length with its
 * parameters; 0 at the end. */
size_t http_list_next(const char **list);
/* 1 when an item of the list is this token, in any case. A NULL list has no items. */
int http_list_has(const char *list, const char *token);
/* 1 when an Accept-Encoding value (may be NULL) allows gzip. */
int http_accepts_gzip(const char *list);
#endif
