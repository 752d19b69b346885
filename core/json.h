/* json: decides what JSON is: RFC 8259 and nothing more. Also refused: text that is not UTF-8, a
 * field name twice in an object, nesting deeper than JSON_DEPTH, more than JSON_BYTES, numbers
 * beyond a double. A byte order mark in front is skipped. lua-cjson 2.1.0 then reads what was
 * accepted; it would accept more.
 *
 * lua-cjson makes {} of [], rounds integers above 2^53 and refuses half a surrogate pair, which
 * JavaScript writes. It gets the first two as strings that begin with JSON_MARK, a byte that UTF-8,
 * and so no accepted string, ever contains, and the last as U+FFFD. */
#ifndef JSON_H
#define JSON_H
#include <stddef.h>

enum { JSON_DEPTH = 100, JSON_BYTES = 16 << 20, JSON_MARK = 0xff };

struct json_checked {
    const char *text; /* what lua-cjson reads: the input, or a copy until the next check */
    size_t len;
    size_t memory;     /* about what Lua needs for the values, in bytes */
    const char *error; /* when it was refused */
    int line, column;  /* where, from 1 */
};

/* Checks text[0..len), which has a NUL behind it. Returns 0, or -1 with the error. Loop thread. */
int json_check(const char *text, size_t len, struct json_checked *checked);
#endif
