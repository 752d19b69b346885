/* api_json: core.json, and what the other bindings use of it. */
#ifndef API_JSON_H
#define API_JSON_H
#include <lua.h>

/* Pushes the JSON of the value at `index`; raises on what JSON cannot represent. Bytes that are not
 * UTF-8 become U+FFFD. */
void api_json_push(lua_State *L, int index);
#endif
