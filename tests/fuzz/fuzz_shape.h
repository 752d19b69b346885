/* fuzz_shape: a mutator for JSON. Half of the time it replaces one value in the text by one of
 * another type, as a server of another version might send it. */
#ifndef FUZZ_SHAPE_H
#define FUZZ_SHAPE_H
#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

static inline const char *shape_string_end(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1]) at++;
    return *at ? at + 1 : at;
}

/* The end of the value that starts here; approximate for text that is not JSON. */
static inline const char *shape_end(const char *at)
{
    int depth = 0;
    if (*at == '"') return shape_string_end(at);
    do {
        if (*at == '[' || *at == '{') depth++;
        if (*at == ']' || *at == '}') depth--;
        at = *at == '"' ? shape_string_end(at) : at + !!*at;
    } while (*at && (depth > 0 || !strchr(",]}\n", *at)));
    return at;
}

/* Where the n-th value starts, modulo their number; NULL without values. */
static inline const char *shape_find(const char *text, unsigned n)
{
    unsigned count = 0;
    for (int round = 0; round < 2; round++, n = count ? n % count : 0)
        for (const char *at = text; *at; at++) {
            if (!strchr(":[,\n", *at) || !at[1] || strchr("]},: \n", at[1])) continue;
            if (round > 0 && n-- == 0) return at + 1;
            count++;
        }
    return NULL;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    static const char *const values[] = {
        "null", "1",      "\"x\"", "[]",        "{}",     "true",
        "[1]",  "[null]", "[{}]",  "{\"a\":1}", "-1.5e9", "\"\""
    };
    const char *value = values[seed / 2 % (sizeof values / sizeof *values)];
    char *text = fuzz_text(data, size);
    const char *from = seed % 2 ? shape_find(text, seed / 64) : NULL;
    size_t len = strlen(value), before = from ? (size_t)(from - text) : 0,
           after = from ? strlen(shape_end(from)) : 0;

    if (from && before + len + after <= room) {
        memcpy(data + before, value, len);
        memcpy(data + before + len, text + (strlen(text) - after), after);
        size = before + len + after;
    } else {
        size = LLVMFuzzerMutate(data, size, room);
    }
    free(text);
    return size;
}
#endif
