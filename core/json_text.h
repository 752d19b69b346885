/* json_text: what both directions of JSON share: a buffer, and the token.
 *
 * lua-cjson cannot read all that JSON can say. What it cannot goes through it as a string that
 * begins with the token: 128 random bits, made once a process, which never leave it. So no string
 * from outside is ever taken for one. Floor 1. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H
#include <stddef.h>

enum { JSON_TOKEN = 33 };

struct json_buffer {
    char *bytes;
    size_t len, room;
};
/* Empties it, and gives back what one long text has left. */
void json_buffer_clear(struct json_buffer *buffer);
void json_buffer_add(struct json_buffer *buffer, const char *bytes, size_t len);

/* JSON_TOKEN characters, the first of them a slash, and a NUL. */
const char *json_token(void);
/* What follows the token; NULL when the string does not begin with it. */
const char *json_token_value(const char *text, size_t len);
#endif
