#include "api_reply.h"
#include "api.h"
#include "httpd_reply.h"
#include "httpd_request.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

/* Pushes a field of the table; what is pushed stays, since the reply points to it. Returns 0 when
 * it is missing. */
static int push_field(lua_State *L, int index, const char *key)
{
    lua_pushstring(L, key);
    return lua_rawget(L, index) != LUA_TNIL;
}

/* The text at the top of the stack. */
static const char *text_of(lua_State *L, const char *what)
{
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "a reply's %s must be a string, not a %s", what, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

static int read_status(lua_State *L, int index)
{
    if (!lua_isinteger(L, index)) luaL_error(L, "a reply's status must be a whole number");
    lua_Integer status = lua_tointeger(L, index);
    if (status < 200 || status > 599)
        luaL_error(L, "a reply's status must be from 200 to 599, not %I", (LUAI_UACINT)status);
    return (int)status;
}

static void read_body(lua_State *L, int index, struct reply *reply)
{
    static const char *const kinds[][2] = { { "json", "application/json" },
                                            { "text", "text/plain; charset=utf-8" },
                                            { "html", "text/html; charset=utf-8" },
                                            { "body", "application/octet-stream" } };
    for (int i = 0; i < 4; i++) {
        if (!push_field(L, index, kinds[i][0])) continue;
        if (i == 0)
            api_json_push(L, -1);
        else
            text_of(L, kinds[i][0]);
        reply->body = lua_tolstring(L, -1, &reply->len);
        reply->type = kinds[i][1];
        return;
    }
}

/* The text at the index, as a part of a header, which would end at a NUL. */
static const char *header_text(lua_State *L, const char *text, int index)
{
    if (strlen(text) != lua_rawlen(L, index)) luaL_error(L, "a reply's header holds a NUL");
    return text;
}

static void add_field(lua_State *L, struct reply *reply, const char *name, const char *value)
{
    if (reply->nfields == REPLY_FIELDS_MAX)
        luaL_error(L, "a reply has more than %d header fields", REPLY_FIELDS_MAX);
    if (strcasecmp(name, "content-type") == 0)
        reply->type = value;
    else
        reply->fields[reply->nfields++] = (struct httpd_field){ name, value };
}

/* Adds the value at the top of the stack: a text, or a list of texts that become a field each. */
static void add_fields(lua_State *L, struct reply *reply, const char *name)
{
    if (!lua_istable(L, -1)) {
        add_field(L, reply, name, header_text(L, text_of(L, "header"), -1));
        return;
    }
    int list = lua_gettop(L);
    for (int i = 1; lua_rawgeti(L, list, i) != LUA_TNIL; i++)
        add_field(L, reply, name, header_text(L, text_of(L, "header"), -1));
}

static void read_headers(lua_State *L, int index, struct reply *reply)
{
    if (!push_field(L, index, "headers")) return;
    if (!lua_istable(L, -1))
        luaL_error(L, "a reply's headers must be a table { Name = \"value\" }");
    int headers = lua_gettop(L);
    luaL_checkstack(L, 4 * REPLY_FIELDS_MAX, NULL);
    for (lua_pushnil(L); lua_next(L, headers);) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "a reply's header name must be a string");
        int name = lua_gettop(L) - 1;
        add_fields(L, reply, header_text(L, lua_tostring(L, name), name));
        lua_pushvalue(L, name); /* leaves the values, which may be numbers made text */
    }
}

static void read_cut(lua_State *L, int index, struct reply *reply)
{
    if (!push_field(L, index, "cut") || (lua_isboolean(L, -1) && !lua_toboolean(L, -1))) return;
    reply->is_cut = 1;
    if (lua_isboolean(L, -1))
        reply->status = 0; /* nothing is sent */
    else if (lua_isinteger(L, -1) && lua_tointeger(L, -1) > 0)
        reply->promised = (size_t)lua_tointeger(L, -1);
    else
        luaL_error(L, "a reply's cut must be true or a number of bytes");
}

static void read_table(lua_State *L, int index, struct reply *reply)
{
    static const char *const known[] = { "status", "json",    "text", "html", "body",
                                         "type",   "headers", "cut",  NULL };
    api_known_keys(L, index, known);
    if (push_field(L, index, "status")) reply->status = read_status(L, -1);
    read_body(L, index, reply);
    if (push_field(L, index, "type")) reply->type = text_of(L, "type");
    read_headers(L, index, reply);
    read_cut(L, index, reply);
}

void api_reply_read(lua_State *L, int index, struct reply *reply)
{
    index = lua_absindex(L, index);
    *reply = (struct reply){ .status = 200, .body = "" };
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        reply->body = lua_tolstring(L, index, &reply->len);
        reply->type = "text/plain; charset=utf-8";
        break;
    case LUA_TNUMBER: reply->status = read_status(L, index); break;
    case LUA_TTABLE:
        reply->is_stream = api_sse_read(L, index, &reply->subscription);
        if (!reply->is_stream) read_table(L, index, reply);
        break;
    default:
        luaL_error(L, "a handler returned a %s, which is not a reply (204: nothing to say)",
                   luaL_typename(L, index));
    }
}

void api_reply_send(struct core *core, struct reply *reply, struct httpd_request *request)
{
    int is_head = strcmp(httpd_method(request), "HEAD") == 0;
    if (reply->is_stream && !is_head) {
        sse_subscribe(core->sse, request, &reply->subscription);
        return;
    }
    if (reply->is_stream)
        reply->type = "text/event-stream"; /* the head of a stream, and no stream */
    if (reply->type)
        reply->fields[reply->nfields++] = (struct httpd_field){ "Content-Type", reply->type };
    reply->fields[reply->nfields] = (struct httpd_field){ NULL, NULL };
    if (reply->is_cut)
        httpd_cut(request, reply->status, reply->fields, reply->body, reply->len,
                  reply->len + reply->promised);
    else
        httpd_reply(request, reply->status, reply->fields, reply->body, reply->len);
}
