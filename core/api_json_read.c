#include "api_json_read.h"
#include "bytes.h"

#include <ctype.h>
#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double exact = 9007199254740992.0; /* 2^53: up to here a double has every integer */

struct reader {
    lua_State *L;
    const char *at, *end; /* *end is NUL, which no token contains */
    int depth;
    const char *error;
};

/* Strings with escapes. Static, so that nothing leaks when Lua raises. */
static struct bytes unescaped;

static int read_value(struct reader *r);

static int fail(struct reader *r, const char *error)
{
    r->error = error;
    return -1;
}

/* Skips blanks; returns the next character. */
static char peek(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')
        r->at++;
    return *r->at;
}

static int take(struct reader *r, char c)
{
    if (peek(r) != c) return 0;
    r->at++;
    return 1;
}

/* --- strings --- */

static void add_character(unsigned code)
{
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    char character[4];
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        character[i] = (char)(0x80 | (code & 0x3f));
    character[0] = (char)(lead[len] | code);
    bytes_add(&unescaped, character, len);
}

/* The code of "u12ab" at `text`, or -1. */
static int read_code(const char *text)
{
    for (int i = 1; i <= 4; i++)
        if (!isxdigit((unsigned char)text[i])) return -1;
    return (int)strtol((char[]){ text[1], text[2], text[3], text[4], 0 }, NULL, 16);
}

/* At the u of an escape. */
static int read_unicode(struct reader *r)
{
    int code = read_code(r->at);
    if (code < 0) return fail(r, "\\u needs four hexadecimal digits");
    r->at += 5;
    if (code >= 0xd800 && code < 0xdc00 && r->at[0] == '\\' && r->at[1] == 'u') {
        int low = read_code(r->at + 1);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            r->at += 6;
        }
    }
    add_character(code >= 0xd800 && code < 0xe000 ? 0xfffd : (unsigned)code);
    return 0;
}

/* Behind the backslash. */
static int read_escape(struct reader *r)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (*r->at == 'u') return read_unicode(r);
    const char *found = *r->at ? strchr(letters, *r->at) : NULL;
    if (!found) return fail(r, "unknown escape in a string");
    r->at++;
    bytes_add_char(&unescaped, values[found - letters]);
    return 0;
}

/* Goes to the next quote or backslash. */
static int skip_plain(struct reader *r)
{
    while (*r->at != '"' && *r->at != '\\') {
        size_t len = bytes_utf8_length(r->at, r->end);
        if (r->at == r->end) return fail(r, "unterminated string");
        if (len == 0) return fail(r, "a string that is not UTF-8");
        if ((unsigned char)*r->at < 0x20) return fail(r, "a control character in a string");
        r->at += len;
    }
    return 0;
}

/* Behind the opening quote. */
static int read_string(struct reader *r)
{
    const char *from = r->at;
    if (skip_plain(r) != 0) return -1;
    if (*r->at == '"') {
        lua_pushlstring(r->L, from, (size_t)(r->at++ - from));
        return 0;
    }
    bytes_clear(&unescaped);
    for (;;) {
        bytes_add(&unescaped, from, (size_t)(r->at - from));
        if (*r->at++ == '"') break;
        if (read_escape(r) != 0) return -1;
        from = r->at;
        if (skip_plain(r) != 0) return -1;
    }
    lua_pushlstring(r->L, unescaped.data, unescaped.len);
    return 0;
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

static int read_number(struct reader *r)
{
    const char *from = r->at;
    int is_whole;
    const char *end = number_end(from + (*from == '-'), &is_whole);
    if (!end) return fail(r, "not a number");
    if (is_whole) {
        errno = 0;
        long long integer = strtoll(from, NULL, 10);
        r->at = end;
        if (errno == 0) {
            lua_pushinteger(r->L, integer);
            return 0;
        }
    }
    double number = strtod(from, NULL);
    r->at = from;
    if (!isfinite(number)) return fail(r, "a number that is too large");
    r->at = end;
    if (number == floor(number) && fabs(number) <= exact)
        lua_pushinteger(r->L, (lua_Integer)number);
    else
        lua_pushnumber(r->L, number);
    return 0;
}

/* --- arrays and objects --- */

static int read_array(struct reader *r)
{
    lua_newtable(r->L);
    luaL_setmetatable(r->L, JSON_ARRAY);
    if (take(r, ']')) return 0;
    lua_Integer count = 0;
    do {
        if (read_value(r) != 0) return -1;
        lua_rawseti(r->L, -2, ++count);
    } while (take(r, ','));
    return take(r, ']') ? 0 : fail(r, "expected , or ] in an array");
}

/* Pushes a field's name that the object on top does not have yet, and goes behind the colon. */
static int read_name(struct reader *r)
{
    if (peek(r) != '"') return fail(r, "expected a field name in double quotes");
    const char *from = r->at++;
    if (read_string(r) != 0) return -1;
    lua_pushvalue(r->L, -1);
    if (lua_rawget(r->L, -3) != LUA_TNIL) {
        r->at = from;
        return fail(r, "duplicate field name");
    }
    lua_pop(r->L, 1);
    return take(r, ':') ? 0 : fail(r, "expected : after a field name");
}

static int read_object(struct reader *r)
{
    lua_newtable(r->L);
    if (take(r, '}')) return 0;
    do {
        if (read_name(r) != 0 || read_value(r) != 0) return -1;
        lua_rawset(r->L, -3);
    } while (take(r, ','));
    return take(r, '}') ? 0 : fail(r, "expected , or } in an object");
}

static int read_table(struct reader *r)
{
    if (++r->depth > JSON_DEPTH) return fail(r, "nested too deep");
    luaL_checkstack(r->L, 4, "JSON");
    int rc = *r->at++ == '[' ? read_array(r) : read_object(r);
    r->depth--;
    return rc;
}

/* --- values --- */

static int read_literal(struct reader *r, const char *literal)
{
    size_t len = strlen(literal);
    if (strncmp(r->at, literal, len) != 0) return fail(r, "expected a value");
    r->at += len;
    if (*literal == 'n')
        lua_pushlightuserdata(r->L, NULL);
    else
        lua_pushboolean(r->L, *literal == 't');
    return 0;
}

static int read_value(struct reader *r)
{
    char c = peek(r);
    if (c == '{' || c == '[') return read_table(r);
    if (c == '-' || (c >= '0' && c <= '9')) return read_number(r);
    if (c == '"') {
        r->at++;
        return read_string(r);
    }
    if (r->at == r->end) return fail(r, "expected a value, found the end");
    return read_literal(r, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

static int read_all(struct reader *r)
{
    if (r->end - r->at > JSON_BYTES) return fail(r, "longer than 16777216 bytes");
    if (read_value(r) != 0) return -1;
    peek(r);
    return r->at == r->end ? 0 : fail(r, "text after the end");
}

int api_json_read(lua_State *L, const char *text, size_t len, struct json_error *error)
{
    struct reader r = { .L = L, .at = text, .end = text + len };
    int top = lua_gettop(L);
    if (read_all(&r) == 0) return 0;
    lua_settop(L, top);
    *error = (struct json_error){ .message = r.error, .line = 1 };
    const char *line = text;
    for (const char *p = text; p < r.at; p++) {
        if (*p != '\n') continue;
        error->line++;
        line = p + 1;
    }
    error->column = (int)(r.at - line) + 1;
    return -1;
}
