/* guard_internal: what the guard*.c files share, and nobody else includes.
 *
 *   guard.c        byte by byte: what must come next
 *   guard_field.c  what the words mean: hosts, and the fields that matter
 */
#ifndef GUARD_INTERNAL_H
#define GUARD_INTERNAL_H
#include "guard.h"

/* What becomes of a byte. */
enum fate { KEEP, DROP, REFUSED };

enum field { FIELD_OTHER, FIELD_HOST, FIELD_LENGTH, FIELD_CODING, FIELD_EXPECT };

enum { IS_TOKEN = 1, IS_TARGET = 2, IS_VALUE = 4, IS_HOST = 8 };
extern const uint8_t guard_classes[256];

static inline int guard_is(unsigned char c, unsigned class)
{
    return guard_classes[c] & class;
}

static inline int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* guard.c */
/* Nothing gets through from now on. Both return REFUSED; guard_bad() is 400. */
enum fate guard_refuse(struct guard *guard, int status, const char *code, const char *detail);
enum fate guard_bad(struct guard *guard, const char *detail);

/* One too long stays as long as there is room, which nothing is that matters. */
static inline void guard_word_put(struct guard *guard, unsigned char c)
{
    if (guard->now.word < GUARD_WORD) guard->word[guard->now.word++] = (char)c;
}

/* guard_field.c */
/* In lower case. */
void guard_word_add(struct guard *guard, const char *bytes, size_t len);
int guard_word_is(const struct guard *guard, const char *text);
/* 1 when the word is a host, and maybe a port. */
int guard_word_is_authority(const struct guard *guard);
/* The word is a field's name: which? */
enum field guard_field_kind(const struct guard *guard);
/* The word is the value of a field that matters, with blanks behind it maybe. Returns KEEP or
 * REFUSED. */
enum fate guard_field_end(struct guard *guard);
#endif
