#include "json_text.h"
#include "mem.h"
#include "utf8.h"

#include <inttypes.h>
#include <sys/random.h>

enum { KEPT = 1 << 16 };

void json_buffer_clear(struct json_buffer *buffer)
{
    if (buffer->room > KEPT) {
        free(buffer->bytes);
        *buffer = (struct json_buffer){ .bytes = NULL };
    }
    buffer->len = 0;
}

void json_buffer_add(struct json_buffer *buffer, const char *bytes, size_t len)
{
    if (buffer->len + len > buffer->room) {
        buffer->room = (buffer->len + len) * 2 + 256;
        buffer->bytes = mem_grow(buffer->bytes, buffer->room, 1);
    }
    if (len) memcpy(buffer->bytes + buffer->len, bytes, len);
    buffer->len += len;
}

/* lua-cjson writes a slash as \/: what it wrote for a token is found among the backslashes. */
const char *json_token(void)
{
    static char token[JSON_TOKEN + 1];
    uint64_t random[2];

    if (token[0]) return token;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        fputs("the system has no random numbers\n", stderr);
        abort();
    }
    snprintf(token, sizeof token, "/%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    return token;
}

const char *json_token_value(const char *text, size_t len)
{
    return len > JSON_TOKEN && memcmp(text, json_token(), JSON_TOKEN) == 0 ? text + JSON_TOKEN : NULL;
}

/* At \/ or at a byte that is not UTF-8. Adds what there is to be instead; returns where to go on. */
static const char *finish_one(struct json_buffer *out, const char *at, const char *end)
{
    const char *value = json_token_value(at + 1, (size_t)(end - at) - 1), *quote;

    if (*at != '\\') {
        json_buffer_add(out, "\xef\xbf\xbd", 3);
        return at + 1;
    }
    if (!value) {
        json_buffer_add(out, "/", 1);
        return at + 2;
    }
    out->len--; /* the quotes go as well */
    quote = strchr(value, '"');
    json_buffer_add(out, value, (size_t)(quote - value));
    return quote + 1;
}

const char *json_text_finish(const char *text, size_t *len)
{
    static struct json_buffer out;
    const char *at = text, *copied = text, *end = text + *len;

    json_buffer_clear(&out);
    while (at < end) {
        size_t n = *at != '\\' ? utf8_length(at, end) : at[1] != '/' ? 2 : 0;
        at += n;
        if (n > 0) continue;
        json_buffer_add(&out, copied, (size_t)(at - copied));
        at = copied = finish_one(&out, at, end);
    }
    if (copied == text) return text;
    json_buffer_add(&out, copied, (size_t)(end - copied));
    *len = out.len;
    return out.bytes;
}
