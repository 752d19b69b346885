/* core.http: see scripts/meta/http.lua. */
#include "api.h"
#include "fetch.h"
#include "mem.h"
#include "task.h"

#include <lauxlib.h>

struct call {
    struct task_ticket ticket;
    struct fetch *fetch;
};

/* --- the response --- */

/* Sets the value in the table on top, joined to what an earlier line gave, as the portal's own
 * requests are joined (guard_request.h). */
static void add_header(lua_State *L, const char *name, size_t name_len, const char *value,
                       size_t value_len)
{
    lua_pushlstring(L, name, name_len);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TSTRING) {
        lua_pushliteral(L, ", ");
        lua_pushlstring(L, value, value_len);
        lua_concat(L, 3);
    } else {
        lua_pop(L, 1);
        lua_pushlstring(L, value, value_len);
    }
    lua_rawset(L, -3);
}

/* `head` is "name: value\n" lines. */
static void push_headers(lua_State *L, const char *head)
{
    lua_newtable(L);
    while (*head) {
        size_t name_len = strcspn(head, ":"), line_len = strcspn(head, "\n");
        add_header(L, head, name_len, head + name_len + 2, line_len - name_len - 2);
        head += line_len + 1;
    }
}

static int push_response(lua_State *co, void *arg)
{
    const struct fetch_result *result = arg;
    if (result->code) {
        api_fail(co, result->code, "%s", result->message);
        lua_pushboolean(co, result->sent);
        return 4;
    }
    lua_createtable(co, 0, 6);
    api_set_integer(co, "status", result->status);
    push_headers(co, result->head);
    lua_setfield(co, -2, "headers");
    lua_pushlstring(co, result->body, result->body_len);
    lua_setfield(co, -2, "body");
    api_set_number(co, "seconds", (lua_Number)result->elapsed_us / 1e6);
    api_set_flag(co, "verified", result->verified);
    if (result->certificate_ends > 0) {
        api_set_integer(co, "certificate_ends", result->certificate_ends);
    }
    return 1;
}

static void on_done(const struct fetch_result *result, void *arg)
{
    struct call *call = arg;
    task_wake(call->ticket, push_response, (void *)(uintptr_t)result);
    free(call);
}

static void cancel(void *op)
{
    struct call *call = op;
    fetch_cancel(call->fetch);
    free(call);
}

/* --- the options; their texts live as long as the table --- */

static int64_t read_ms(lua_State *L, const char *key)
{
    lua_Number seconds = api_number(L, 1, key, 0);
    if (!(seconds >= 0 && seconds <= 86400))
        luaL_error(L, "option %s must be between 0 and 86400 seconds", key);
    return seconds > 0 && seconds < 0.001 ? 1 : (int64_t)(seconds * 1000);
}

static size_t read_max_body(lua_State *L)
{
    lua_Number bytes = api_number(L, 1, "max_body", 0);
    if (!(bytes >= 0 && bytes <= 1 << 30))
        luaL_error(L, "option max_body must be between 0 and %d bytes", 1 << 30);
    return (size_t)bytes;
}

/* The "Name: value" line for the key and value on top of the stack; pops the value. The line is
 * kept in the table at `kept`. */
static const char *make_line(lua_State *L, int kept)
{
    if (lua_type(L, -2) != LUA_TSTRING ||
        (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER))
        luaL_error(L, "option headers: names and values must be strings");
    lua_pushvalue(L, -2);
    lua_pushliteral(L, ": ");
    lua_rotate(L, -3, -1);
    lua_concat(L, 3);
    const char *line = lua_tostring(L, -1);
    if (strlen(line) != lua_rawlen(L, -1)) luaL_error(L, "option headers: a NUL in a header");
    lua_rawseti(L, kept, (lua_Integer)lua_rawlen(L, kept) + 1);
    return line;
}

/* Leaves on the stack what holds the lines: a table of the texts and the list of pointers. */
static const char *const *read_headers(lua_State *L)
{
    if (lua_getfield(L, 1, "headers") == LUA_TNIL) return NULL;
    int from = lua_gettop(L), i = 0, n = 0;
    if (!lua_istable(L, from))
        luaL_error(L, "option headers must be a table, not a %s", luaL_typename(L, from));
    for (lua_pushnil(L); lua_next(L, from); lua_pop(L, 1))
        n++;
    const char **lines = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *lines, 0);
    lua_createtable(L, n, 0);
    for (lua_pushnil(L); lua_next(L, from);)
        lines[i++] = make_line(L, from + 2);
    lines[n] = NULL;
    return lines;
}

static void read_body(lua_State *L, struct fetch_options *options)
{
    int type = lua_getfield(L, 1, "body");
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "option body must be a string, not a %s", luaL_typename(L, -1));
    options->body = lua_tolstring(L, -1, &options->body_len);
}

static unsigned read_flags(lua_State *L)
{
    unsigned flags = 0;
    if (api_flag(L, 1, "fresh", 0)) flags |= FETCH_FRESH;
    if (!api_flag(L, 1, "verify", 1)) flags |= FETCH_NO_VERIFY;
    if (api_flag(L, 1, "fence", 0)) flags |= FETCH_FENCE;
    if (api_flag(L, 1, "certificate", 0)) flags |= FETCH_CERTIFICATE;
    return flags;
}

static void read_options(lua_State *L, struct fetch_options *options)
{
    static const char *const known[] = {
        "url",   "method", "headers", "body",       "timeout",     "connect_timeout", "max_body",
        "fresh", "verify", "fence",   "connect_to", "certificate", "proxy",           NULL
    };
    api_known_keys(L, 1, known);
    options->url = api_text(L, 1, "url", NULL);
    if (!options->url) luaL_error(L, "option url is missing");
    options->method = api_text(L, 1, "method", "GET");
    options->connect_to = api_text(L, 1, "connect_to", NULL);
    options->proxy = api_text(L, 1, "proxy", NULL);
    options->timeout_ms = read_ms(L, "timeout");
    options->connect_timeout_ms = read_ms(L, "connect_timeout");
    options->max_body = read_max_body(L);
    options->flags = read_flags(L);
    options->headers = read_headers(L);
    read_body(L, options);
}

/* http.request(options) -> response, or nil, message, code, sent */
static int request(lua_State *L)
{
    struct core *core = api_core(L);
    struct fetch_options options = { .method = NULL };
    lua_settop(L, 1);
    read_options(L, &options);
    task_check_wait(L);
    if (!core->fetch) return api_fail(L, "closed", "no requests can be sent here");
    struct call *call = mem_new(1, sizeof *call);
    call->fetch = fetch_start(core->fetch, &options, on_done, call);
    return task_wait(L, &call->ticket, cancel, call);
}

int api_http_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "request", request }, { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
