/* core.json. Its own reader and writer: lua-cjson 2.1 reads whole numbers as floats, cannot write [] for an empty table, cuts numbers to
 * 14 digits and takes what is no JSON (NaN, 0x10, broken UTF-8). Strict here: what comes in is from strangers. */
#include "api.h"
#include "api_json.h"
#include <lauxlib.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 100, MAX_BYTES = 16 << 20 };

struct reader {
    lua_State *L;
    const char *text, *at, *end;
    const char *error; /* what was wrong at `at` */
    int depth;
    int array; /* where the metatable of arrays stands on the stack */
};

static int read_value(struct reader *r);

static int fail(struct reader *r, const char *error)
{
    if (!r->error) r->error = error;
    return -1;
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/* Takes the character if it is the next after blanks. */
static int take(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c) return 0;
    r->at++;
    return 1;
}

/* Strings */

size_t api_json_utf8(const char *text, const char *end)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = (size_t)(end - text), n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static void add_utf8(struct api_json_buffer *b, unsigned code)
{
    char bytes[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(lead[n] | code);
    api_json_add(b, bytes, n);
}

/* Four hexadecimal digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
    int code = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef", *found = p[i] ? strchr(digits, p[i] | 0x20) : NULL;
        if (!found || (p[i] < '0')) return -1;
        code = code * 16 + (int)(found - digits);
    }
    return code;
}

/* After "\u". A half of a pair that stands alone is U+FFFD: JavaScript writes such. */
static int read_unicode(struct reader *r, struct api_json_buffer *b)
{
    int code = hex4(r->at, r->end), low;
    if (code < 0) return fail(r, "\\u wants four hexadecimal digits");
    r->at += 4;
    if (code >= 0xd800 && code < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' &&
        (low = hex4(r->at + 2, r->end)) >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        r->at += 6;
    }
    add_utf8(b, code >= 0xd800 && code < 0xe000 ? 0xfffd : (unsigned)code);
    return 0;
}

static int read_escape(struct reader *r, struct api_json_buffer *b)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = ++r->at < r->end ? *r->at : 0;
    const char *found = c ? strchr(names, c) : NULL;
    if (c == 'u') {
        r->at++;
        return read_unicode(r, b);
    }
    if (!found) return fail(r, "no such escape in a string");
    r->at++;
    api_json_add(b, &values[found - names], 1);
    return 0;
}

/* Goes over bytes that stand for themselves. */
static int skip_plain(struct reader *r)
{
    while (r->at < r->end && *r->at != '"' && *r->at != '\\') {
        unsigned char c = (unsigned char)*r->at;
        size_t n = c < 0x20 ? 0 : c < 0x80 ? 1 : api_json_utf8(r->at, r->end);
        if (n == 0) return fail(r, c < 0x20 ? "a control character in a string" : "a string that is not UTF-8");
        r->at += n;
    }
    return r->at < r->end ? 0 : fail(r, "a string without an end");
}

/* At the opening quote. */
static int read_string(struct reader *r)
{
    struct api_json_buffer *b = api_json_buffer();
    const char *from = ++r->at;
    if (skip_plain(r) != 0) return -1;
    if (*r->at == '"') {
        lua_pushlstring(r->L, from, (size_t)(r->at++ - from));
        return 0;
    }
    while (*r->at == '\\') {
        api_json_add(b, from, (size_t)(r->at - from));
        if (read_escape(r, b) != 0) return -1;
        from = r->at;
        if (skip_plain(r) != 0) return -1;
    }
    api_json_add(b, from, (size_t)(r->at++ - from));
    lua_pushlstring(r->L, b->bytes, b->len);
    return 0;
}

/* Numbers */

static const char *skip_digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* The end of the number at p, or NULL. Sets *whole when it has neither fraction nor exponent. The text ends with a NUL. */
static const char *number_end(const char *p, int *whole)
{
    const char *digits = *p == '-' ? p + 1 : p, *end = skip_digits(digits), *from;
    *whole = 1;
    if (end == digits || (*digits == '0' && end > digits + 1)) return NULL;
    if (*end == '.') {
        from = end + 1;
        if ((end = skip_digits(from)) == from) return NULL;
        *whole = 0;
    }
    if (*end == 'e' || *end == 'E') {
        from = end + 1 + (end[1] == '+' || end[1] == '-');
        if ((end = skip_digits(from)) == from) return NULL;
        *whole = 0;
    }
    return end;
}

static int read_number(struct reader *r)
{
    int whole;
    const char *end = number_end(r->at, &whole);
    if (!end) return fail(r, "not a number");
    errno = 0;
    long long integer = whole ? strtoll(r->at, NULL, 10) : 0;
    double number = whole && errno == 0 ? 0 : strtod(r->at, NULL);
    if (!isfinite(number)) return fail(r, "a number that is too large");
    if (whole && errno == 0)
        lua_pushinteger(r->L, integer);
    else if (fabs(number) <= 9007199254740992.0 && number == floor(number))
        lua_pushinteger(r->L, (lua_Integer)number);
    else
        lua_pushnumber(r->L, number);
    r->at = end;
    return 0;
}

/* Tables */

static int read_array(struct reader *r)
{
    lua_newtable(r->L);
    lua_pushvalue(r->L, r->array);
    lua_setmetatable(r->L, -2);
    if (take(r, ']')) return 0;
    for (lua_Integer i = 1;; i++) {
        if (read_value(r) != 0) return -1;
        lua_rawseti(r->L, -2, i);
        if (take(r, ']')) return 0;
        if (!take(r, ',')) return fail(r, "expected , or ] in an array");
    }
}

static int read_key(struct reader *r)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != '"') return fail(r, "expected a field name in double quotes");
    if (read_string(r) != 0) return -1;
    lua_pushvalue(r->L, -1);
    if (lua_rawget(r->L, -3) != LUA_TNIL) return fail(r, "a field name that was there before");
    lua_pop(r->L, 1);
    return take(r, ':') ? 0 : fail(r, "expected : after a field name");
}

static int read_object(struct reader *r)
{
    lua_newtable(r->L);
    if (take(r, '}')) return 0;
    for (;;) {
        if (read_key(r) != 0 || read_value(r) != 0) return -1;
        lua_rawset(r->L, -3);
        if (take(r, '}')) return 0;
        if (!take(r, ',')) return fail(r, "expected , or } in an object");
    }
}

static int read_table(struct reader *r)
{
    if (++r->depth > MAX_DEPTH) return fail(r, "nested too deep");
    luaL_checkstack(r->L, 6, "JSON");
    int rc = *r->at++ == '[' ? read_array(r) : read_object(r);
    r->depth--;
    return rc;
}

static int read_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0) return fail(r, "expected a value");
    r->at += len;
    return 0;
}

/* Pushes one value; on -1 the stack may hold more. */
static int read_value(struct reader *r)
{
    skip_blanks(r);
    if (r->at == r->end) return fail(r, "expected a value, found the end");
    switch (*r->at) {
    case '{':
    case '[':
        return read_table(r);
    case '"':
        return read_string(r);
    case 't':
        lua_pushboolean(r->L, 1);
        return read_word(r, "true");
    case 'f':
        lua_pushboolean(r->L, 0);
        return read_word(r, "false");
    case 'n':
        lua_pushlightuserdata(r->L, NULL);
        return read_word(r, "null");
    default:
        return *r->at == '-' || (*r->at >= '0' && *r->at <= '9') ? read_number(r) : fail(r, "expected a value");
    }
}

static int refuse(struct reader *r)
{
    int line = 1;
    const char *start = r->text;
    for (const char *p = r->text; p < r->at && p < r->end; p++)
        if (*p == '\n') line++, start = p + 1;
    lua_settop(r->L, 0);
    return api_fail(r->L, "invalid", "not valid JSON: %s (line %d, column %d)", r->error, line, (int)(r->at - start) + 1);
}

static int decode(lua_State *L)
{
    size_t len;
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *text = lua_tolstring(L, 1, &len);
    struct reader r = { .L = L, .text = text, .at = text, .end = text + len, .array = 2 };
    lua_settop(L, 1);
    luaL_getmetatable(L, API_JSON_ARRAY);
    if (len > MAX_BYTES) return api_fail(L, "invalid", "not decoded: more than %d bytes", MAX_BYTES);
    int rc = read_value(&r);
    skip_blanks(&r);
    if (rc == 0 && r.at < r.end) rc = fail(&r, "something after the end");
    return rc == 0 ? 1 : refuse(&r);
}

static int encode(lua_State *L)
{
    luaL_checkany(L, 1);
    api_json_push(L, 1);
    return 1;
}

static int array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_getmetatable(L, API_JSON_ARRAY);
    if (lua_getmetatable(L, 1)) {
        if (!lua_rawequal(L, -1, -2)) return luaL_argerror(L, 1, "the table has a metatable of its own");
        lua_pop(L, 1);
    }
    lua_setmetatable(L, 1);
    return 1;
}

int api_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "decode", decode }, { "encode", encode }, { "array", array }, { NULL, NULL } };
    luaL_newmetatable(L, API_JSON_ARRAY);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
