/* value: a value of a script outside of Lua: in the journal, in the shared table, in a log line. */
#ifndef VALUE_H
#define VALUE_H
#include <stddef.h>
#include <stdint.h>

enum value_type { VALUE_NONE, VALUE_BOOL, VALUE_INTEGER, VALUE_NUMBER, VALUE_TEXT };
struct value {
    enum value_type type;
    union {
        int64_t integer; /* VALUE_BOOL: 0 or 1 */
        double number;
        size_t len; /* of the text */
    };
    char *text; /* any bytes, followed by a NUL */
};
#endif
