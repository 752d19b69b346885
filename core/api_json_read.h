/* api_json_read: reads JSON into Lua values: RFC 8259 and nothing more. Also refused: text that is
 * not UTF-8, a field name twice in an object, nesting deeper than JSON_DEPTH, more than JSON_BYTES,
 * numbers beyond a double.
 *
 * lua-cjson 2.1.0 is not used because it accepts NaN, 0x10, 01, broken UTF-8 and duplicate fields,
 * makes floats of all numbers (8080.0, 2^53 + 1 rounded) and {} of []. */
#ifndef API_JSON_READ_H
#define API_JSON_READ_H
#include <lua.h>

enum { JSON_DEPTH = 100, JSON_BYTES = 16 << 20 };

/* Name of the metatable of tables that are arrays, which tells [] from {}. */
#define JSON_ARRAY "json.array"

struct json_error {
    const char *message;
    int line, column; /* where, from 1 */
};

/* Pushes the value of text[0..len), which has a NUL behind it, and returns 0; or sets *error,
 * pushes nothing and returns -1. null becomes a NULL light userdata; a half surrogate pair, as
 * JavaScript writes them, U+FFFD; a number without a fraction an integer where it fits. Raises when
 * Lua is out of memory. The state must have the metatable JSON_ARRAY. */
int api_json_read(lua_State *L, const char *text, size_t len, struct json_error *error);
#endif
