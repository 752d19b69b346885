#include "http_text.h"
#include "bytes.h"

#include <arpa/inet.h>
#include <ctype.h>
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

int http_escaped_byte(const char *text, size_t left)
{
    if (left < 3 || text[0] != '%' || http_hex_digit(text[1]) < 0 || http_hex_digit(text[2]) < 0)
        return -1;
    return http_hex_digit(text[1]) * 16 + http_hex_digit(text[2]);
}

void http_lower(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] >= 'A' && text[i] <= 'Z') text[i] |= 0x20;
}

/* The length up to the first of the characters that is not quoted. */
static size_t unquoted_span(const char *text, size_t len, const char *until)
{
    int is_quoted = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') is_quoted = !is_quoted;
        if (text[i] == '\\' && is_quoted && i + 1 < len) i++;
        if (!is_quoted && strchr(until, text[i])) return i;
    }
    return len;
}

size_t http_list_next(const char **list)
{
    *list += strspn(*list, ", \t");
    return unquoted_span(*list, strlen(*list), ",");
}

int http_list_has(const char *list, const char *token)
{
    size_t len;
    for (; list && (len = http_list_next(&list)) > 0; list += len)
        if (strcspn(list, ", \t") == strlen(token) && strncasecmp(list, token, strlen(token)) == 0)
            return 1;
    return 0;
}

/* --- weights --- */

/* In thousandths; -1 when malformed. Java writes ".2". */
static int read_weight(const char *text, size_t len)
{
    size_t i = len > 0 && isdigit((unsigned char)text[0]);
    int weight = i ? (text[0] - '0') * 1000 : 0;
    if (len == 0 || (i < len && text[i] != '.')) return -1;
    for (int unit = 100; ++i < len; unit /= 10) {
        if (!isdigit((unsigned char)text[i])) return -1;
        weight += (text[i] - '0') * unit;
    }
    return weight > 1000 ? -1 : weight;
}

/* Reads the parameters of an item; only q counts. */
static int weight_of(const char *text, size_t len)
{
    int weight = 1000;
    for (size_t n; len > 0; text += n, len -= n) {
        size_t skip = strspn(text, "; \t");
        if (skip > len) skip = len;
        text += skip;
        len -= skip;
        n = unquoted_span(text, len, ";");
        size_t name = strcspn(text, "= \t"), value = name + strspn(text + name, "= \t"), end = n;
        if (name != 1 || (*text | 0x20) != 'q' || value > n) continue;
        while (end > value && strchr(" \t", text[end - 1]))
            end--;
        weight = read_weight(text + value, end - value);
    }
    return weight;
}

int http_weighted_next(const char **list, struct http_weighted *item)
{
    size_t len;
    while ((len = http_list_next(list)) > 0) {
        item->name = *list;
        item->len = strcspn(*list, "; \t,");
        *list += len;
        if (item->len > len) item->len = len;
        item->weight = weight_of(item->name + item->len, len - item->len);
        if (item->weight >= 0 && item->len > 0) return 1;
    }
    return 0;
}

/* 3: the value itself; 2: its type; 1: anything; 0: something else. */
static int specificity(const struct http_weighted *item, const char *value)
{
    size_t type = strcspn(value, "/") + 1;
    if (item->len == strlen(value) && strncasecmp(item->name, value, item->len) == 0) return 3;
    if (item->len == type + 1 && item->name[type] == '*' &&
        strncasecmp(item->name, value, type) == 0)
        return 2;
    return (item->len == 1 && *item->name == '*') ||
           (item->len == 3 && strncmp(item->name, "*/*", 3) == 0);
}

int http_weight(const char *list, const char *value)
{
    struct http_weighted item;
    int weight = -1, best = 0;
    while (list && http_weighted_next(&list, &item)) {
        int how = specificity(&item, value);
        if (how == 0 || how < best || (how == best && item.weight <= weight)) continue;
        weight = item.weight;
        best = how;
    }
    return weight;
}

int http_accepts_gzip(const char *list)
{
    int weight = http_weight(list, "gzip");
    return weight > 0 && weight >= http_weight(list, "identity");
}
