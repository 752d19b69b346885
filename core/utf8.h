/* utf8: where a character of well-formed UTF-8 ends. Floor 0. */
#ifndef UTF8_H
#define UTF8_H
#include <stddef.h>

/* The length of the character at `text` (before `end`); 0 when there is none: no overlong form, no
 * surrogate, nothing above U+10FFFF. */
static inline size_t utf8_length(const char *text, const char *end)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = (size_t)(end - text), n = p[0] < 0x80   ? 1
                                            : p[0] < 0xc2 ? 0
                                            : p[0] < 0xe0 ? 2
                                            : p[0] < 0xf0 ? 3
                                            : p[0] < 0xf5 ? 4
                                                          : 0;

    if (n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}
#endif
