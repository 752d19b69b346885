/* json_check: is this text JSON, as RFC 8259 has it and no more? One pass over the bytes, for what
 * strangers send: grammar, UTF-8, no field name twice in an object, no deeper than JSON_DEPTH, no
 * longer than JSON_BYTES, no number that is beyond a double.
 *
 * On the way it writes the text that lua-cjson is to read: [] and whole numbers of more than 15
 * digits become tokens (json_text.h), halves of surrogate pairs, which JavaScript writes, become
 * U+FFFD. Floor 1. */
#ifndef JSON_CHECK_H
#define JSON_CHECK_H
#include <stddef.h>

enum { JSON_DEPTH = 100, JSON_BYTES = 16 << 20 };

struct json_check {
    const char *text; /* to read: what was given, or good until the next call */
    size_t len;
    int plain; /* neither arrays nor numbers in it: what lua-cjson makes of it needs no second look
                */
    size_t memory;     /* the value takes no more bytes in Lua */
    const char *error; /* what is wrong, and where */
    int line, column;
};

/* `text` has a NUL behind it. Returns 0, or -1 with the last three set. */
int json_check(const char *text, size_t len, struct json_check *check);
#endif
