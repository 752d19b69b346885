/* api_reply: from the value that a handler returned to an answer. */
#ifndef API_REPLY_H
#define API_REPLY_H
#include "httpd_head.h"
#include "sse.h"

#include <lua.h>

struct core;
struct httpd_request;

enum { REPLY_FIELDS_MAX = 32 };

/* What a handler returned, read. Its texts are on the Lua stack. */
struct reply {
    int status;
    const char *type; /* of the body, or NULL */
    const char *body;
    size_t len;
    int is_cut;
    size_t promised; /* cut: how many bytes more than there are */
    int nfields;
    struct httpd_field fields[REPLY_FIELDS_MAX + 2]; /* and Content-Type, and the end */
    int is_stream;
    struct sse_subscription subscription;
};

/* Reads the value at `index`; what `reply` points to stays on the stack. Raises when it is not a
 * reply: call it protected. */
void api_reply_read(lua_State *L, int index, struct reply *reply);
/* Answers; the request is dead afterwards. */
void api_reply_send(struct core *core, struct reply *reply, struct httpd_request *request);
#endif
