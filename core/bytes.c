#include "bytes.h"
#include "mem.h"
#include <stdarg.h>

enum { KEPT_ROOM = 64 * 1024 };

struct bytes bytes_over(char *memory, size_t room)
{
    return (struct bytes){ .data = memory, .room = room, .is_fixed = 1 };
}

void bytes_free(struct bytes *bytes)
{
    if (!bytes->is_fixed) free(bytes->data);
    *bytes = (struct bytes){ 0 };
}

void bytes_clear(struct bytes *bytes)
{
    if (!bytes->is_fixed && bytes->room > KEPT_ROOM) bytes_free(bytes);
    bytes->len = 0;
    bytes->is_full = 0;
}

/* Makes room for `len` more bytes; 0 when a fixed buffer has none. */
static int reserve(struct bytes *bytes, size_t len)
{
    if (bytes->is_full) return 0;
    if (len <= bytes->room - bytes->len) return 1;
    if (bytes->is_fixed) {
        bytes->is_full = 1;
        return 0;
    }
    mem_must(bytes->len + len < SIZE_MAX / 2 ? bytes : NULL);
    bytes->room = (bytes->len + len) * 2;
    if (bytes->room < 64) bytes->room = 64;
    bytes->data = mem_grow(bytes->data, bytes->room, 1);
    return 1;
}

void bytes_add_slowly(struct bytes *bytes, const void *data, size_t len)
{
    if (!reserve(bytes, len)) return;
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

void bytes_add_int(struct bytes *bytes, int64_t number, int min_digits)
{
    char digits[32];
    size_t start = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    while (rest > 0 || (int)(sizeof digits - start) < min_digits || start == sizeof digits) {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (number < 0) digits[--start] = '-';
    bytes_add(bytes, digits + start, sizeof digits - start);
}

void bytes_printf(struct bytes *bytes, const char *format, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(small, sizeof small, format, args);
    mem_must(len < 0 ? NULL : bytes);
    if ((size_t)len < sizeof small) {
        bytes_add(bytes, small, (size_t)len);
    } else if (reserve(bytes, (size_t)len + 1)) {
        vsnprintf(bytes->data + bytes->len, (size_t)len + 1, format, again);
        bytes->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

char *bytes_text(struct bytes *bytes)
{
    bytes_add_char(bytes, '\0');
    if (!bytes->is_full)
        bytes->len--;
    else if (bytes->room > 0)
        bytes->data[bytes->len < bytes->room ? bytes->len : bytes->room - 1] = '\0';
    return bytes->data;
}

char *bytes_take(struct bytes *bytes)
{
    char *text = bytes_text(bytes);
    *bytes = (struct bytes){ 0 };
    return text;
}

int bytes_read_uint(const char *text, size_t len, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;
    if (len == 0) return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > max / 10 || value * 10 > max - digit) return -1;
        value = value * 10 + digit;
    }
    *number = value;
    return 0;
}

size_t bytes_utf8_length(const char *text, const char *end)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = (size_t)(end - text);
    if (left == 0) return 0;
    if (p[0] < 0x80) return 1;
    size_t len = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (len > left) return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

int bytes_is_utf8(const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        size_t step = bytes_utf8_length(text, end);
        if (step == 0) return 0;
        text += step;
    }
    return 1;
}

/* Length of the run of printable ASCII at `text` without quotes and backslashes. */
static size_t plain_length(const char *text, const char *end)
{
    const char *at = text;
    while (at < end && *at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - text);
}

static void add_escape(struct bytes *bytes, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char escape[] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
    if (c == '\n')
        bytes_add(bytes, "\\n", 2);
    else if (c == '"' || c == '\\')
        bytes_add(bytes, (char[]){ '\\', (char)c }, 2);
    else
        bytes_add(bytes, escape, sizeof escape);
}

void bytes_add_json(struct bytes *bytes, const char *text, size_t len, const char *replacement)
{
    const char *at = text, *end = text + len;
    while (at < end) {
        size_t step = plain_length(at, end);
        bytes_add(bytes, at, step);
        at += step;
        if (at == end) return;
        step = bytes_utf8_length(at, end);
        int is_c1 = step == 2 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
        if (step == 1 || (!replacement && (step == 0 || is_c1))) {
            step = 1;
            add_escape(bytes, (unsigned char)*at);
        } else if (step == 0) {
            step = 1;
            bytes_add_text(bytes, replacement);
        } else {
            bytes_add(bytes, at, step);
        }
        at += step;
    }
}
