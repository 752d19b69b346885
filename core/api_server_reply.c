#include "api.h"
#include "api_json.h"
#include "api_server.h"
#include "sse.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

static const char *const keys[] = { "status", "json",    "text", "html", "body",
                                    "type",   "headers", "cut",  NULL };

/* --- reading: what is pushed stays, since the reply points to it --- */

static const char *text_of(lua_State *L, const char *what)
{
    if (lua_type(L, -1) == LUA_TNUMBER) return lua_tostring(L, -1);
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "a reply's %s must be a string, not a %s", what, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

static int push_key(lua_State *L, int index, const char *key)
{
    lua_pushstring(L, key);
    return lua_rawget(L, index) != LUA_TNIL;
}

static int check_status(lua_State *L, lua_Integer status)
{
    if (status < 200 || status > 599)
        luaL_error(L, "a reply's status must be from 200 to 599, not %d", (int)status);
    return (int)status;
}

static void read_status(lua_State *L, int index, struct reply *reply)
{
    if (!push_key(L, index, "status")) return;
    if (!lua_isinteger(L, -1)) luaL_error(L, "a reply's status must be a whole number");
    reply->status = check_status(L, lua_tointeger(L, -1));
}

static void read_body(lua_State *L, int index, struct reply *reply)
{
    static const char *const kinds[][2] = { { "text", "text/plain; charset=utf-8" },
                                            { "html", "text/html; charset=utf-8" },
                                            { "body", "application/octet-stream" } };

    if (push_key(L, index, "json")) {
        api_json_push(L, -1);
        reply->body = lua_tolstring(L, -1, &reply->len);
        reply->type = "application/json";
        return;
    }
    for (int i = 0; i < 3; i++) {
        if (!push_key(L, index, kinds[i][0])) continue;
        text_of(L, kinds[i][0]);
        reply->body = lua_tolstring(L, -1, &reply->len);
        reply->type = kinds[i][1];
        return;
    }
}

static void add_field(lua_State *L, struct reply *reply, const char *name, const char *value)
{
    if (reply->nfields == REPLY_FIELDS)
        luaL_error(L, "a reply has more than %d header fields", REPLY_FIELDS);
    if (strcasecmp(name, "content-type") == 0)
        reply->type = value;
    else
        reply->fields[reply->nfields++] = (struct httpd_field){ name, value };
}

static void read_headers(lua_State *L, int index, struct reply *reply)
{
    if (!push_key(L, index, "headers")) return;
    if (!lua_istable(L, -1))
        luaL_error(L, "a reply's headers must be a table { Name = \"value\" }");
    int headers = lua_gettop(L);
    luaL_checkstack(L, 2 * REPLY_FIELDS, NULL);
    for (lua_pushnil(L); lua_next(L, headers);) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "a reply's header name must be a string");
        add_field(L, reply, lua_tostring(L, -2), text_of(L, "header"));
        lua_pushvalue(L, -2); /* leaves the value, which may be a number made text */
    }
}

static void read_cut(lua_State *L, int index, struct reply *reply)
{
    if (!push_key(L, index, "cut") || (lua_isboolean(L, -1) && !lua_toboolean(L, -1))) return;
    reply->cut = 1;
    if (lua_isboolean(L, -1))
        reply->status = 0; /* nothing is sent */
    else if (lua_isinteger(L, -1) && lua_tointeger(L, -1) > 0)
        reply->promised = (size_t)lua_tointeger(L, -1);
    else
        luaL_error(L, "a reply's cut must be true or a number of bytes");
}

static void read_table(lua_State *L, int index, struct reply *reply)
{
    api_known_keys(L, index, keys);
    read_status(L, index, reply);
    read_body(L, index, reply);
    if (push_key(L, index, "type")) reply->type = text_of(L, "type");
    read_headers(L, index, reply);
    read_cut(L, index, reply);
}

void api_server_read_reply(lua_State *L, int index, struct reply *reply)
{
    index = lua_absindex(L, index);
    *reply = (struct reply){ .status = 200, .body = "" };
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        reply->body = lua_tolstring(L, index, &reply->len);
        reply->type = "text/plain; charset=utf-8";
        break;
    case LUA_TNUMBER:
        if (!lua_isinteger(L, index))
            luaL_error(L, "a handler returned a number that is no status");
        reply->status = check_status(L, lua_tointeger(L, index));
        break;
    case LUA_TTABLE:
        if (!api_sse_read_reply(L, index, reply)) read_table(L, index, reply);
        break;
    case LUA_TNIL:
        luaL_error(L, "the handler returned nothing (204 says: done, and there is no more to say)");
        break;
    default:
        luaL_error(L, "a handler returned a %s, which is no reply", luaL_typename(L, index));
    }
}

/* --- answering --- */

static void send_stream(struct core *core, const struct reply *reply, struct httpd_request *request)
{
    static const struct httpd_field fields[] = { { "Content-Type", "text/event-stream" },
                                                 { NULL, NULL } };

    if (strcmp(httpd_method(request), "HEAD") == 0)
        httpd_reply(request, 200, fields, "", 0); /* the head of a stream, and no stream */
    else
        sse_subscribe(core->sse, request, reply->client, reply->channel, reply->last_id,
                      reply->events, reply->nevents);
}

void api_server_send(struct core *core, struct reply *reply, struct httpd_request *request)
{
    if (reply->channel) {
        send_stream(core, reply, request);
        return;
    }
    if (reply->type)
        reply->fields[reply->nfields++] = (struct httpd_field){ "Content-Type", reply->type };
    reply->fields[reply->nfields] = (struct httpd_field){ NULL, NULL };
    if (reply->cut)
        httpd_cut(request, reply->status, reply->fields, reply->body, reply->len,
                  reply->len + reply->promised);
    else
        httpd_reply(request, reply->status, reply->fields, reply->body, reply->len);
}

/* --- without any script --- */

static const struct {
    const char *code, *detail;
} plain[] = {
    { "bad_request", "The request's path is not well formed." },
    { "not_found", "There is nothing at this address." },
    { "method_not_allowed", "This address knows other methods; see Allow." },
    { "body_too_large", "The request's body is longer than the portal takes." },
    { "draining", "The portal is being restarted. Ask again in a moment." },
    { "internal", "The portal made a mistake. Its log says more under this request id." },
};

void api_server_plain_error(struct httpd_request *request, int status, const char *code,
                            const char *allow)
{
    struct httpd_field fields[] = { { "Content-Type", "application/problem+json" },
                                    { allow ? "Allow" : NULL, allow },
                                    { NULL, NULL } };
    char body[HTTPD_PROBLEM_BYTES];
    size_t i = 0, last = sizeof plain / sizeof *plain - 1;

    while (i < last && strcmp(plain[i].code, code) != 0)
        i++;
    httpd_reply(request, status, fields, body,
                httpd_problem(request, body, status, code, plain[i].detail));
}
