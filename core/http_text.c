#include "http_text.h"
#include "bytes.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PORT_DIGITS_MAX = 5, HOST_BYTES_MAX = 255 };

/* clang-format off */
const uint8_t http_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0,                 /* tab */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    4, 7, 4, 5, 7, 7, 7, 7, 6, 6, 7, 7, 6, 15, 15, 6,               /*  !"#$%&'()*+,-./ */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 4, 6, 4, 6,       /* 0123456789:;<=>? */
    6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  /* @ABCDEFGHIJKLMNO */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 4, 6, 7, 15,     /* PQRSTUVWXYZ[\]^_ */
    5, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  /* `abcdefghijklmno */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 7, 0,      /* pqrstuvwxyz{|}~  */
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
};
/* clang-format on */

int http_is_token(const char *text, size_t len)
{
    return len > 0 && http_span(text, len, HTTP_TOKEN) == len;
}

/* Nothing, or a colon and maybe a port. */
static int is_port(const char *text, size_t len)
{
    uint64_t port;
    if (len == 0) return 1;
    if (*text != ':' || len > 1 + PORT_DIGITS_MAX) return 0;
    return len == 1 || bytes_read_uint(text + 1, len - 1, 65535, &port) == 0;
}

/* The length of the bracketed IPv6 address that the text starts with; 0 without one. */
static size_t ipv6_length(const char *text, size_t len)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    const char *end = memchr(text, ']', len);
    if (!end || (size_t)(end - text) > sizeof address) return 0;
    memcpy(address, text + 1, (size_t)(end - text) - 1);
    address[end - text - 1] = '\0';
    return inet_pton(AF_INET6, address, &parsed) == 1 ? (size_t)(end - text) + 1 : 0;
}

int http_is_authority(const char *text, size_t len)
{
    int is_ipv6 = len > 0 && *text == '[';
    size_t host = is_ipv6 ? ipv6_length(text, len) : http_span(text, len, HTTP_HOST);
    return host > 0 && host <= HOST_BYTES_MAX && is_port(text + host, len - host);
}

int http_hex_digit(int c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void http_lower(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] >= 'A' && text[i] <= 'Z') text[i] |= 0x20;
}

size_t http_list_next(const char **list)
{
    *list += strspn(*list, ", \t");
    return strcspn(*list, ",");
}

int http_list_has(const char *list, const char *token)
{
    size_t len;
    for (; list && (len = http_list_next(&list)) > 0; list += len)
        if (strcspn(list, ", \t") == strlen(token) && strncasecmp(list, token, strlen(token)) == 0)
            return 1;
    return 0;
}

int http_accepts_gzip(const char *list)
{
    size_t len;
    for (; list && (len = http_list_next(&list)) > 0; list += len) {
        if (strcspn(list, "; \t,") != 4 || strncasecmp(list, "gzip", 4) != 0) continue;
        const char *quality = memmem(list, len, "q=", 2);
        return !quality || strtod(quality + 2, NULL) > 0;
    }
    return 0;
}
