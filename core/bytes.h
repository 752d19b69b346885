/* bytes: a growable byte buffer, whole numbers as text, and UTF-8. Any thread, one at a time.
 *
 * A zeroed struct bytes is an empty buffer that grows on the heap (aborting when out of memory, as
 * mem.h does). One made by bytes_over() writes to the caller's memory, never allocates, and so may
 * be used in a signal handler (but for bytes_printf). */
#ifndef BYTES_H
#define BYTES_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    char *data; /* NULL until something is added; no NUL at the end (see bytes_text) */
    size_t len, room;
    int is_fixed; /* made by bytes_over() */
    int is_full;  /* fixed only: an addition did not fit; it and all later ones were dropped */
};

/* An empty buffer over the caller's memory. */
struct bytes bytes_over(char *memory, size_t room);
/* Releases a growing buffer's memory and empties it. */
void bytes_free(struct bytes *bytes);
/* Empties the buffer and keeps its memory, but not what a single huge use left (64 KiB). */
void bytes_clear(struct bytes *bytes);

/* bytes_add() when it does not fit. */
void bytes_add_slowly(struct bytes *bytes, const void *data, size_t len);
/* Inline, as the two below: 150 calls a request; 4 % of its instructions. */
static inline void bytes_add(struct bytes *bytes, const void *data, size_t len)
{
    if (len == 0) return;
    if (len <= bytes->room - bytes->len && !bytes->is_full) {
        memcpy(bytes->data + bytes->len, data, len);
        bytes->len += len;
    } else {
        bytes_add_slowly(bytes, data, len);
    }
}
static inline void bytes_add_text(struct bytes *bytes, const char *text)
{
    bytes_add(bytes, text, strlen(text));
}
static inline void bytes_add_char(struct bytes *bytes, char c)
{
    bytes_add(bytes, &c, 1);
}
/* In decimal, with leading zeros up to `min_digits`. */
void bytes_add_int(struct bytes *bytes, int64_t number, int min_digits);
void bytes_printf(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The content as a string: adds a NUL behind it that `len` does not count. Valid until the next
 * change; stays the buffer's. */
char *bytes_text(struct bytes *bytes);
/* The content as a string that the caller frees; the buffer is empty afterwards. Growing only. */
char *bytes_take(struct bytes *bytes);

/* Reads decimal digits that fill all of text[0..len) into *number. Returns 0; or -1 for an empty
 * text, a sign, any other byte, or a number above `max`. */
int bytes_read_uint(const char *text, size_t len, uint64_t max, uint64_t *number);

/* Length in bytes of the UTF-8 character at `text`; 0 at `end` and where the bytes are
 * invalid: overlong forms, surrogates and code points above U+10FFFF, too. */
size_t bytes_utf8_length(const char *text, const char *end);
int bytes_is_utf8(const char *text, size_t len);
/* Appends text as the content of a JSON string, without the quotes. Invalid UTF-8 becomes
 * `replacement`; when that is NULL, each such byte is escaped, and so are C1 controls, which
 * terminals execute. */
void bytes_add_json(struct bytes *bytes, const char *text, size_t len, const char *replacement);
#endif
