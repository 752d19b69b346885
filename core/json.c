#include "json.h"
#include "bytes.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What Lua needs at most for a value in its table, for a table, and for a field. */
enum { VALUE_MEMORY = 64, TABLE_MEMORY = 64, FIELD_MEMORY = 128 };
enum { EXACT_DIGITS = 15 }; /* decimal digits that survive a double */

struct scan {
    const char *at, *end; /* *end is NUL, which no token contains */
    const char *copied;   /* the input before is in `out`, as it was or replaced */
    int depth;
    struct json_checked *checked;
};

struct field {
    size_t name, len; /* in `names` */
    const char *at;
};

/* Static, so that there is nothing to free. The last two hold the fields of all open objects. */
static struct bytes out, names, fields;

static int check_value(struct scan *s);

static int fail(struct scan *s, const char *error)
{
    s->checked->error = error;
    return -1;
}

/* Skips blanks; returns the next character. */
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

/* Leaves out the input from `from` to here; the caller adds what is read instead. */
static void replace_from(struct scan *s, const char *from)
{
    bytes_add(&out, s->copied, (size_t)(from - s->copied));
    s->copied = s->at;
}

/* Replaces the input from `from` to here by a string of the mark and that value. */
static void replace_by_marked(struct scan *s, const char *from, const char *value, size_t len)
{
    replace_from(s, from);
    bytes_add_char(&out, '"');
    bytes_add_char(&out, (char)JSON_MARK);
    bytes_add(&out, value, len);
    bytes_add_char(&out, '"');
}

/* --- strings: `to` gets the characters, unless it is NULL --- */

static void add_character(struct bytes *to, unsigned code)
{
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    char character[4];
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        character[i] = (char)(0x80 | (code & 0x3f));
    character[0] = (char)(lead[len] | code);
    bytes_add(to, character, len);
}

/* The code of "u12ab" at `text`, or -1. */
static int read_code(const char *text)
{
    for (int i = 1; i <= 4; i++)
        if (!isxdigit((unsigned char)text[i])) return -1;
    return (int)strtol((char[]){ text[1], text[2], text[3], text[4], 0 }, NULL, 16);
}

/* At the u of an escape. */
static int check_unicode(struct scan *s, struct bytes *to)
{
    const char *from = s->at - 1;
    int code = read_code(s->at);
    if (code < 0) return fail(s, "\\u needs four hexadecimal digits");
    s->at += 5;
    if (code >= 0xd800 && code < 0xdc00 && s->at[0] == '\\' && s->at[1] == 'u') {
        int low = read_code(s->at + 1);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            s->at += 6;
        }
    }
    if (code >= 0xd800 && code < 0xe000) {
        code = 0xfffd;
        replace_from(s, from);
        bytes_add_text(&out, "\\ufffd");
    }
    if (to) add_character(to, (unsigned)code);
    return 0;
}

/* Behind the backslash. */
static int check_escape(struct scan *s, struct bytes *to)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (*s->at == 'u') return check_unicode(s, to);
    const char *found = *s->at ? strchr(letters, *s->at) : NULL;
    if (!found) return fail(s, "unknown escape in a string");
    s->at++;
    if (to) bytes_add_char(to, values[found - letters]);
    return 0;
}

/* Goes to the next quote or backslash. */
static int skip_plain(struct scan *s)
{
    while (*s->at != '"' && *s->at != '\\') {
        size_t len = bytes_utf8_length(s->at, s->end);
        if (s->at == s->end) return fail(s, "unterminated string");
        if (len == 0) return fail(s, "a string that is not UTF-8");
        if ((unsigned char)*s->at < 0x20) return fail(s, "a control character in a string");
        s->at += len;
    }
    return 0;
}

/* Behind the opening quote. */
static int check_string(struct scan *s, struct bytes *to)
{
    for (;;) {
        const char *from = s->at;
        if (skip_plain(s) != 0) return -1;
        if (to) bytes_add(to, from, (size_t)(s->at - from));
        if (*s->at++ == '"') return 0;
        if (check_escape(s, to) != 0) return -1;
    }
}

/* --- numbers --- */

static const char *skip_digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* The end of the number whose digits begin at `digits`, or NULL. */
static const char *number_end(const char *digits, int *is_whole)
{
    const char *end = skip_digits(digits), *from;
    *is_whole = *end != '.' && (*end | 0x20) != 'e';
    if (end == digits || (*digits == '0' && end > digits + 1)) return NULL;
    if (*end == '.') {
        from = end + 1;
        end = skip_digits(from);
        if (end == from) return NULL;
    }
    if ((*end | 0x20) == 'e') {
        from = end + 1 + (end[1] == '+' || end[1] == '-');
        end = skip_digits(from);
        if (end == from) return NULL;
    }
    return end;
}

static int check_number(struct scan *s)
{
    const char *from = s->at, *digits = from + (*from == '-');
    int is_whole;
    const char *end = number_end(digits, &is_whole);
    if (!end) return fail(s, "not a number");
    if (!isfinite(strtod(from, NULL))) return fail(s, "a number that is too large");
    s->at = end;
    if (is_whole && end - digits > EXACT_DIGITS)
        replace_by_marked(s, from, from, (size_t)(end - from));
    return 0;
}

/* --- arrays and objects --- */

static int check_array(struct scan *s)
{
    const char *from = s->at++;
    if (take(s, ']')) {
        replace_by_marked(s, from, "[]", 2);
        return 0;
    }
    do
        if (check_value(s) != 0) return -1;
    while (take(s, ','));
    return take(s, ']') ? 0 : fail(s, "expected , or ] in an array");
}

/* Remembers a field's name and goes behind the colon. */
static int check_name(struct scan *s)
{
    struct field field = { .name = names.len };
    if (peek(s) != '"') return fail(s, "expected a field name in double quotes");
    field.at = s->at++;
    if (check_string(s, &names) != 0) return -1;
    field.len = names.len - field.name;
    bytes_add(&fields, &field, sizeof field);
    s->checked->memory += FIELD_MEMORY;
    return take(s, ':') ? 0 : fail(s, "expected : after a field name");
}

static int compare_fields(const void *a, const void *b)
{
    const struct field *one = a, *other = b;
    if (one->len != other->len) return one->len < other->len ? -1 : 1;
    return memcmp(names.data + one->name, names.data + other->name, one->len);
}

/* Closes the object whose fields begin at byte `first` of `fields`. */
static int refuse_duplicates(struct scan *s, size_t first)
{
    struct field *list = (struct field *)(void *)(fields.data + first);
    size_t count = (fields.len - first) / sizeof *list;
    names.len = list[0].name;
    fields.len = first;
    if (count > 1) qsort(list, count, sizeof *list, compare_fields);
    for (size_t i = 1; i < count; i++) {
        if (compare_fields(&list[i - 1], &list[i]) != 0) continue;
        s->at = list[i - 1].at > list[i].at ? list[i - 1].at : list[i].at;
        return fail(s, "duplicate field name");
    }
    return 0;
}

static int check_object(struct scan *s)
{
    size_t first = fields.len;
    s->at++;
    if (take(s, '}')) return 0;
    do
        if (check_name(s) != 0 || check_value(s) != 0) return -1;
    while (take(s, ','));
    return take(s, '}') ? refuse_duplicates(s, first) : fail(s, "expected , or } in an object");
}

static int check_table(struct scan *s)
{
    if (++s->depth > JSON_DEPTH) return fail(s, "nested too deep");
    s->checked->memory += TABLE_MEMORY;
    int rc = *s->at == '[' ? check_array(s) : check_object(s);
    s->depth--;
    return rc;
}

/* --- values --- */

static int check_literal(struct scan *s, const char *literal)
{
    size_t len = strlen(literal);
    if (strncmp(s->at, literal, len) != 0) return fail(s, "expected a value");
    s->at += len;
    return 0;
}

static int check_value(struct scan *s)
{
    char c = peek(s);
    s->checked->memory += VALUE_MEMORY;
    if (c == '{' || c == '[') return check_table(s);
    if (c == '-' || (c >= '0' && c <= '9')) return check_number(s);
    if (c == '"') {
        s->at++;
        return check_string(s, NULL);
    }
    if (s->at == s->end) return fail(s, "expected a value, found the end");
    return check_literal(s, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

static int check_all(struct scan *s)
{
    if (s->end - s->at > JSON_BYTES) return fail(s, "longer than 16777216 bytes");
    if (check_value(s) != 0) return -1;
    peek(s);
    return s->at == s->end ? 0 : fail(s, "text after the end");
}

static void locate(struct scan *s, const char *text)
{
    const char *line = text;
    s->checked->line = 1;
    for (const char *p = text; p < s->at; p++) {
        if (*p != '\n') continue;
        s->checked->line++;
        line = p + 1;
    }
    s->checked->column = (int)(s->at - line) + 1;
}

int json_check(const char *text, size_t len, struct json_checked *checked)
{
    size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    text += mark;
    len -= mark;
    struct scan s = { .at = text, .end = text + len, .copied = text, .checked = checked };
    *checked = (struct json_checked){ .text = text, .len = len, .memory = len };
    bytes_clear(&out);
    bytes_clear(&names);
    bytes_clear(&fields);
    if (check_all(&s) != 0) {
        locate(&s, text);
        return -1;
    }
    if (s.copied == text) return 0;
    replace_from(&s, s.end);
    checked->text = bytes_text(&out);
    checked->len = out.len;
    return 0;
}
