#include "json_check.h"
#include "json_text.h"
#include "bytes.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What Lua takes at most for each: a value in its table, the table itself, a field's name and
 * place. */
enum { VALUE_BYTES = 64, TABLE_BYTES = 64, FIELD_BYTES = 128, EXACT_DIGITS = 15 };

struct scan {
    const char *at, *end; /* a NUL stands at the end, which nothing but a string's inside could be
                             mistaken for */
    const char *copied;   /* what stands before is in `out`, or has been replaced there */
    int depth;
    struct json_check *check;
};
struct field {
    size_t name, len; /* in `names` */
    const char *at;
};

/* Static, so that there is nothing to free: what is checked is copied before the next check. */
static struct json_buffer out, names, fields; /* the last two: of the objects that are open */

static int read_value(struct scan *s);

static int fail(struct scan *s, const char *error)
{
    s->check->error = error;
    return -1;
}

/* The next character after blanks. */
static char peek(struct scan *s)
{
    while (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')
        s->at++;
    return *s->at;
}

static int take(struct scan *s, char c)
{
    if (peek(s) != c) return 0;
    s->at++;
    return 1;
}

/* --- what lua-cjson is given instead --- */

static void leave_out(struct scan *s, const char *from)
{
    json_buffer_add(&out, s->copied, (size_t)(from - s->copied));
    s->copied = s->at;
}

static void put_token(struct scan *s, const char *from, const char *value, size_t len)
{
    leave_out(s, from);
    json_buffer_add(&out, "\"", 1);
    json_buffer_add(&out, json_token(), JSON_TOKEN);
    json_buffer_add(&out, value, len);
    json_buffer_add(&out, "\"", 1);
}

/* --- strings; `to` gets what they say, if it is wanted --- */

static void add_character(struct json_buffer *to, unsigned code)
{
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    char bytes[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(lead[n] | code);
    json_buffer_add(to, bytes, n);
}

/* The code at "u12ab", or -1. */
static int code_at(const char *text)
{
    for (int i = 1; i <= 4; i++)
        if (!isxdigit((unsigned char)text[i])) return -1;
    return (int)strtol((char[]){ text[1], text[2], text[3], text[4], 0 }, NULL, 16);
}

static int read_unicode(struct scan *s, struct json_buffer *to)
{
    const char *from = s->at - 1;
    int code = code_at(s->at), low;

    if (code < 0) return fail(s, "\\u wants four hexadecimal digits");
    s->at += 5;
    if (code >= 0xd800 && code < 0xdc00 && s->at[0] == '\\' && s->at[1] == 'u' &&
        (low = code_at(s->at + 1)) >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        s->at += 6;
    }
    if (code >= 0xd800 && code < 0xe000) {
        code = 0xfffd;
        leave_out(s, from);
        json_buffer_add(&out, "\\ufffd", 6);
    }
    if (to) add_character(to, (unsigned)code);
    return 0;
}

static int read_escape(struct scan *s, struct json_buffer *to)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *found = *s->at ? strchr(letters, *s->at) : NULL;

    if (*s->at == 'u') return read_unicode(s, to);
    if (!found) return fail(s, "no such escape in a string");
    s->at++;
    if (to) json_buffer_add(to, &values[found - letters], 1);
    return 0;
}

/* Goes over bytes that stand for themselves. */
static int skip_plain(struct scan *s)
{
    for (size_t n; *s->at != '"' && *s->at != '\\'; s->at += n) {
        unsigned char c = (unsigned char)*s->at;
        n = c < 0x80 ? 1 : bytes_utf8_length(s->at, s->end);
        if (c >= 0x20 && n > 0) continue;
        return fail(s, s->at == s->end ? "a string without an end"
                       : n > 0         ? "a control character in a string"
                                       : "a string that is not UTF-8");
    }
    return 0;
}

/* Behind the opening quote. */
static int read_string(struct scan *s, struct json_buffer *to)
{
    for (;;) {
        const char *from = s->at;
        if (skip_plain(s) != 0) return -1;
        if (to) json_buffer_add(to, from, (size_t)(s->at - from));
        if (*s->at++ == '"') return 0;
        if (read_escape(s, to) != 0) return -1;
    }
}

/* --- numbers --- */

static const char *skip_digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* The end of the number whose digits begin there, or NULL. */
static const char *number_end(const char *digits, int *whole)
{
    const char *end = skip_digits(digits), *from;

    *whole = *end != '.' && (*end | 0x20) != 'e';
    if (end == digits || (*digits == '0' && end > digits + 1)) return NULL;
    if (*end == '.') {
        from = end + 1;
        if ((end = skip_digits(from)) == from) return NULL;
    }
    if ((*end | 0x20) == 'e') {
        from = end + 1 + (end[1] == '+' || end[1] == '-');
        if ((end = skip_digits(from)) == from) return NULL;
    }
    return end;
}

static int read_number(struct scan *s)
{
    const char *from = s->at, *digits = from + (*from == '-');
    int whole;
    const char *end = number_end(digits, &whole);

    if (!end) return fail(s, "not a number");
    if ((!whole || end - digits > 300) && !isfinite(strtod(from, NULL)))
        return fail(s, "a number that is too large");
    s->at = end;
    s->check->plain = 0;
    if (whole && end - digits > EXACT_DIGITS) put_token(s, from, from, (size_t)(end - from));
    return 0;
}

/* --- tables --- */

static int read_array(struct scan *s)
{
    const char *from = s->at++;

    s->check->plain = 0;
    if (take(s, ']')) {
        put_token(s, from, "[]", 2);
        return 0;
    }
    do
        if (read_value(s) != 0) return -1;
    while (take(s, ','));
    return take(s, ']') ? 0 : fail(s, "expected , or ] in an array");
}

static int read_name(struct scan *s)
{
    struct field field = { .name = names.len };

    if (peek(s) != '"') return fail(s, "expected a field name in double quotes");
    field.at = s->at++;
    if (read_string(s, &names) != 0) return -1;
    field.len = names.len - field.name;
    json_buffer_add(&fields, (const char *)&field, sizeof field);
    s->check->memory += FIELD_BYTES;
    return take(s, ':') ? 0 : fail(s, "expected : after a field name");
}

static int compare(const void *a, const void *b)
{
    const struct field *one = a, *other = b;

    if (one->len != other->len) return one->len < other->len ? -1 : 1;
    return memcmp(names.bytes + one->name, names.bytes + other->name, one->len);
}

/* Closes the object whose fields begin at byte `first` of `fields`. */
static int refuse_twins(struct scan *s, size_t first)
{
    struct field *list = (struct field *)(void *)(fields.bytes + first);
    size_t n = (fields.len - first) / sizeof *list;

    names.len = list[0].name;
    fields.len = first;
    if (n > 1) qsort(list, n, sizeof *list, compare);
    for (size_t i = 1; i < n; i++) {
        if (compare(&list[i - 1], &list[i]) != 0) continue;
        s->at = list[i - 1].at > list[i].at ? list[i - 1].at : list[i].at;
        return fail(s, "a field name that was there before");
    }
    return 0;
}

static int read_object(struct scan *s)
{
    size_t first = fields.len;

    s->at++;
    if (take(s, '}')) return 0;
    do
        if (read_name(s) != 0 || read_value(s) != 0) return -1;
    while (take(s, ','));
    return take(s, '}') ? refuse_twins(s, first) : fail(s, "expected , or } in an object");
}

static int read_table(struct scan *s)
{
    if (++s->depth > JSON_DEPTH) return fail(s, "nested too deep");
    s->check->memory += TABLE_BYTES;
    int rc = *s->at == '[' ? read_array(s) : read_object(s);
    s->depth--;
    return rc;
}

/* --- values --- */

static int read_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(s->at, word, len) != 0) return fail(s, "expected a value");
    s->at += len;
    return 0;
}

static int read_value(struct scan *s)
{
    char c = peek(s);

    s->check->memory += VALUE_BYTES;
    if (c == '"') return s->at++, read_string(s, NULL);
    if (c == '{' || c == '[') return read_table(s);
    if (c == '-' || (c >= '0' && c <= '9')) return read_number(s);
    if (s->at == s->end) return fail(s, "expected a value, found the end");
    return read_word(s, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

static int refuse(const struct scan *s, const char *start)
{
    s->check->line = 1;
    for (const char *p = start; p < s->at; p++)
        if (*p == '\n') s->check->line++, start = p + 1;
    s->check->column = (int)(s->at - start) + 1;
    return -1;
}

int json_check(const char *text, size_t len, struct json_check *check)
{
    struct scan s = { .at = text, .end = text + len, .copied = text, .check = check };

    *check = (struct json_check){ .text = text, .len = len, .plain = 1, .memory = len };
    json_buffer_clear(&out);
    json_buffer_clear(&names);
    json_buffer_clear(&fields);
    if (len > JSON_BYTES) return fail(&s, "longer than 16777216 bytes"), refuse(&s, text);
    if (read_value(&s) != 0) return refuse(&s, text);
    if (peek(&s) || s.at < s.end) return fail(&s, "something after the end"), refuse(&s, text);
    if (s.copied == text) return 0;
    leave_out(&s, s.end);
    check->text = out.bytes;
    check->len = out.len;
    return 0;
}
