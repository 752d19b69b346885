#include "json_text.h"
#include "mem.h"
#include "random.h"

#include <inttypes.h>

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

const char *json_token(void)
{
    static char token[JSON_TOKEN + 1];
    uint64_t random[2];

    if (token[0]) return token;
    random_bytes(random, sizeof random);
    snprintf(token, sizeof token, "/%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    return token;
}

const char *json_token_value(const char *text, size_t len)
{
    return len > JSON_TOKEN && memcmp(text, json_token(), JSON_TOKEN) == 0 ? text + JSON_TOKEN
                                                                           : NULL;
}
