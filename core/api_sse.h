/* api_sse: core.sse, and what its subscribe() gives a handler to return. */
#ifndef API_SSE_H
#define API_SSE_H
#include "sse.h"

#include <lua.h>

/* Returns 1 when the value at `index` is what sse.subscribe() returned. Then *subscription is read
 * from it, and all that it points to is on the stack. Raises when an event is malformed. */
int api_sse_read(lua_State *L, int index, struct sse_subscription *subscription);
#endif
