/* api_json: what the other bindings use of core.json. */
#ifndef API_JSON_H
#define API_JSON_H
#include <lua.h>
#include <stddef.h>

/* The metatable's name of tables that are arrays, also when empty. */
#define API_JSON_ARRAY "json.array"

/* Pushes the JSON of the value at `index`; raises on what JSON cannot say. Bytes that are not UTF-8 become U+FFFD. */
void api_json_push(lua_State *L, int index);

/* Inside core.json: the one buffer, emptied. Static, so that an error that is raised leaves nothing behind. */
struct api_json_buffer {
    char *bytes;
    size_t len, room;
};
struct api_json_buffer *api_json_buffer(void);
void api_json_add(struct api_json_buffer *buffer, const char *bytes, size_t len);
/* The length of the UTF-8 sequence at `text` (before `end`), 0 when it is none. */
size_t api_json_utf8(const char *text, const char *end);
#endif
