/* api_json: what the other bindings use of core.json. */
#ifndef API_JSON_H
#define API_JSON_H
#include <lua.h>

/* Pushes the JSON of the value at `index`; raises on what JSON cannot say. Bytes that are not UTF-8
 * become U+FFFD. */
void api_json_push(lua_State *L, int index);
/* Whether the table at `index` was made by json.array(), or read as an array. */
int api_json_is_array(lua_State *L, int index);
#endif
