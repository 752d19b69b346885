#include "api.h"
#include "api_server.h"
#include "mem.h"
#include "router.h"

#include <ctype.h>
#include <lauxlib.h>

#define VIEW "core.server.request"

/* --- fields --- */

static void push_decoded(lua_State *L, const char *text, size_t len, int plus)
{
    luaL_Buffer decoded;
    char *room = luaL_buffinitsize(L, &decoded, len + 1);

    luaL_pushresultsize(&decoded, router_decode(text, len, plus, room));
}

static void push_path(lua_State *L, const struct httpd_request *request)
{
    const char *path = httpd_path(request);

    push_decoded(L, path, strlen(path), 0);
}

static void push_query(lua_State *L, const struct httpd_request *request)
{
    lua_newtable(L);
    for (const char *at = httpd_query(request); *at;) {
        size_t len = strcspn(at, "&"), name = strcspn(at, "=&");
        if (name > 0) {
            push_decoded(L, at, name, 1);
            push_decoded(L, at + name + (name < len), len - name - (name < len), 1);
            lua_rawset(L, -3);
        }
        at += len + (at[len] == '&');
    }
}

static void add_header(const char *name, const char *value, void *arg)
{
    lua_State *L = arg;

    lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TSTRING) /* a field that came twice is one list */
        lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), value);
    else
        lua_pushstring(L, value);
    lua_remove(L, -2);
    lua_rawset(L, -3);
}

static void push_headers(lua_State *L, const struct httpd_request *request)
{
    lua_newtable(L);
    httpd_each_header(request, add_header, L);
}

static void push_body(lua_State *L, const struct httpd_request *request)
{
    size_t len;
    const char *body = httpd_body(request, &len);

    lua_pushlstring(L, body, len);
}

static void push_gzip(lua_State *L, const struct httpd_request *request)
{
    lua_pushboolean(L, httpd_accepts_gzip(request));
}

static void push_host(lua_State *L, const struct httpd_request *request)
{
    const char *host = httpd_header(request, "host");
    char lower[256]; /* no name is longer */
    size_t len = 0;

    if (!host) host = "";
    size_t end = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    for (; len < end && len < sizeof lower && host[len]; len++)
        lower[len] = (char)tolower((unsigned char)host[len]);
    lua_pushlstring(L, lower, len);
}

static void push_method(lua_State *L, const struct httpd_request *request)
{
    lua_pushstring(L, httpd_method(request));
}

static void push_id(lua_State *L, const struct httpd_request *request)
{
    lua_pushstring(L, httpd_id(request));
}

static void push_peer(lua_State *L, const struct httpd_request *request)
{
    lua_pushstring(L, httpd_peer(request));
}

static void push_no_params(lua_State *L, const struct httpd_request *request)
{
    (void)request;
    lua_newtable(L);
}

static const struct {
    const char *name;
    void (*push)(lua_State *L, const struct httpd_request *request);
} fields[] = {
    { "body", push_body },        { "gzip", push_gzip }, { "headers", push_headers },
    { "host", push_host },        { "id", push_id },     { "method", push_method },
    { "params", push_no_params }, { "path", push_path }, { "peer", push_peer },
    { "query", push_query },
};

/* --- the table --- */

/* Reads a field when it is first asked for, and keeps it in the table. [1] and [2] say which
 * request it is of. */
static int index_view(lua_State *L)
{
    size_t n = sizeof fields / sizeof *fields, i = 0;

    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    const char *name = lua_tostring(L, 2);
    while (i < n && strcmp(fields[i].name, name) != 0)
        i++;
    if (i == n) return 0;
    lua_rawgeti(L, 1, 1);
    lua_rawgeti(L, 1, 2);
    const struct exchange *exchange = lua_touserdata(L, -2);
    if (!exchange || exchange->number != (uint64_t)lua_tointeger(L, -1))
        return luaL_error(
            L, "req.%s was first asked for after the answer was given; read it before", name);
    fields[i].push(L, exchange->request);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

/* What every request is asked for is there from the start; and there is room for params, and for
 * what the scripts add. */
void api_server_push_view(lua_State *L, const struct exchange *exchange)
{
    lua_createtable(L, 2, 8);
    lua_pushlightuserdata(L, (void *)exchange);
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, (lua_Integer)exchange->number);
    lua_rawseti(L, -2, 2);
    push_host(L, exchange->request);
    lua_setfield(L, -2, "host");
    push_method(L, exchange->request);
    lua_setfield(L, -2, "method");
    push_peer(L, exchange->request);
    lua_setfield(L, -2, "peer");
    luaL_setmetatable(L, VIEW);
}

void api_server_view_open(lua_State *L)
{
    luaL_newmetatable(L, VIEW);
    lua_pushcfunction(L, index_view);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
