#include "api.h"
#include "api_reply.h"
#include "api_script_version.h"
#include "clock.h"
#include "http_text.h"
#include "httpd_refusals.h"
#include "httpd_reply.h"
#include "httpd_request.h"
#include "loop.h"
#include "mem.h"
#include "metrics.h"
#include "router.h"
#include "task.h"
#include "www.h"

#include <lauxlib.h>

#define VIEW "core.request"
#define HEADERS "core.request.headers"

/* One request on its way to its answer. Kept on a free list and never freed, so that a script which
 * looks into a request's table after the answer finds that the number has changed. */
struct transaction {
    uint64_t number;
    struct httpd_request *request;
    struct script_version *version;
    const struct script_route *route; /* NULL when none was found */
    struct transaction *next;
};

static struct transaction *unused;

static struct transaction *transaction_begin(struct server *server, struct httpd_request *request,
                                             const struct script_route *route)
{
    static uint64_t counter;
    struct transaction *transaction = unused;
    if (transaction)
        unused = transaction->next;
    else
        transaction = mem_new(1, sizeof *transaction);
    *transaction = (struct transaction){
        .number = ++counter, .request = request, .version = server->current, .route = route
    };
    return transaction;
}

static void transaction_end(struct transaction *transaction)
{
    transaction->number = 0;
    transaction->next = unused;
    unused = transaction;
}

/* --- the table that a handler gets --- */

static void push_decoded(lua_State *L, const char *text, size_t len, int is_query)
{
    luaL_Buffer decoded;
    char *room = luaL_buffinitsize(L, &decoded, len + 1);
    luaL_pushresultsize(&decoded, router_decode(text, len, is_query, room));
}

static void push_path(lua_State *L, const struct transaction *transaction)
{
    const char *path = httpd_path(transaction->request);
    push_decoded(L, path, strlen(path), 0);
}

static void push_query(lua_State *L, const struct transaction *transaction)
{
    lua_newtable(L);
    for (const char *pair = httpd_query(transaction->request); *pair;) {
        size_t len = strcspn(pair, "&"), name = strcspn(pair, "=&");
        if (name > 0) {
            size_t value = name + (name < len);
            push_decoded(L, pair, name, 1);
            push_decoded(L, pair + value, len - value, 1);
            lua_rawset(L, -3);
        }
        pair += len + (pair[len] == '&');
    }
}

static void push_body(lua_State *L, const struct transaction *transaction)
{
    size_t len;
    const char *body = httpd_body(transaction->request, &len);
    lua_pushlstring(L, body, len);
}

static void push_gzip(lua_State *L, const struct transaction *transaction)
{
    lua_pushboolean(L, http_accepts_gzip(httpd_header(transaction->request, "accept-encoding")));
}

/* The Host in lower case, without its port and the root's dot, as lib/base/host.lua folds it. The
 * guard lets no longer one through. */
static void push_host(lua_State *L, const struct transaction *transaction)
{
    char lower[264];
    const char *host = httpd_header(transaction->request, "host");
    if (!host) host = "";
    size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (len > 0 && host[len - 1] == '.') len--;
    memcpy(lower, host, len);
    http_lower(lower, len);
    lua_pushlstring(L, lower, len);
}

static void push_no_params(lua_State *L, const struct transaction *transaction)
{
    lua_newtable(L);
}

/* Pushes a table whose fields are read by `index` when they are first asked for. Its [1] and [2]
 * are the transaction and its number. */
static void push_lazy(lua_State *L, const struct transaction *transaction, const char *type,
                      lua_CFunction index)
{
    lua_createtable(L, 2, 8);
    lua_pushlightuserdata(L, (void *)(uintptr_t)transaction);
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, (lua_Integer)transaction->number);
    lua_rawseti(L, -2, 2);
    if (luaL_newmetatable(L, type)) {
        lua_pushcfunction(L, index);
        lua_setfield(L, -2, "__index");
    }
    lua_setmetatable(L, -2);
}

/* The transaction of the lazy table at index 1. Raises when it is over. */
static const struct transaction *transaction_of(lua_State *L, const char *what, const char *name)
{
    lua_rawgeti(L, 1, 1);
    lua_rawgeti(L, 1, 2);
    const struct transaction *transaction = lua_touserdata(L, -2);
    if (!transaction || transaction->number != (uint64_t)lua_tointeger(L, -1))
        luaL_error(L, "%s.%s was first asked for after the answer was given; read it before", what,
                   name);
    return transaction;
}

/* Keeps the value on top of the stack under the name at index 2, and returns it to the script. */
static int keep_value(lua_State *L)
{
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

static int headers_index(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    const char *name = lua_tostring(L, 2);
    const char *value = httpd_header(transaction_of(L, "req.headers", name)->request, name);
    if (!value) return 0;
    lua_pushstring(L, value);
    return keep_value(L);
}

/* A table of all fields took 6 % of a request's instructions; a few are read. */
static void push_headers(lua_State *L, const struct transaction *transaction)
{
    push_lazy(L, transaction, HEADERS, headers_index);
}

static const struct {
    const char *name;
    void (*push)(lua_State *L, const struct transaction *transaction);
    const char *(*text)(const struct httpd_request *request); /* instead of push */
} view_fields[] = {
    { "host", push_host, NULL },      { "peer", NULL, httpd_peer },
    { "method", NULL, httpd_method }, { "path", push_path, NULL },
    { "query", push_query, NULL },    { "headers", push_headers, NULL },
    { "body", push_body, NULL },      { "id", NULL, httpd_id },
    { "gzip", push_gzip, NULL },      { "params", push_no_params, NULL },
};
enum { VIEW_FIELDS = sizeof view_fields / sizeof *view_fields, VIEW_FIELDS_READY = 3 };

static void push_view_field(lua_State *L, int i, const struct transaction *transaction)
{
    if (view_fields[i].push)
        view_fields[i].push(L, transaction);
    else
        lua_pushstring(L, view_fields[i].text(transaction->request));
}

static int view_index(lua_State *L)
{
    int i = 0;
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    const char *name = lua_tostring(L, 2);
    while (i < VIEW_FIELDS && strcmp(view_fields[i].name, name) != 0)
        i++;
    if (i == VIEW_FIELDS) return 0;
    push_view_field(L, i, transaction_of(L, "req", name));
    return keep_value(L);
}

/* The first fields, which the middleware reads of every request, are set at once: 2 % of a
 * request's instructions. */
static void push_view(lua_State *L, const struct transaction *transaction)
{
    push_lazy(L, transaction, VIEW, view_index);
    for (int i = 0; i < VIEW_FIELDS_READY; i++) {
        lua_pushstring(L, view_fields[i].name);
        push_view_field(L, i, transaction);
        lua_rawset(L, -3);
    }
}

/* --- the access log --- */

static void count(const char *method, const char *pattern, int status, int64_t elapsed_us)
{
    static const char *const labels[] = { "method", "route", "code" };
    static struct metrics_family *requests, *seconds;
    const char code[4] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10),
                           (char)('0' + status % 10), '\0' };
    const char *const values[] = { method, pattern ? pattern : "none", code };
    if (!requests) {
        requests = metrics_declare("deployer_http_requests_total", METRICS_COUNTER,
                                   "Answered requests", labels, 3);
        seconds = metrics_declare("deployer_http_request_duration_seconds", METRICS_HISTOGRAM,
                                  "From the whole request to its answer; of a stream, to its head",
                                  labels, 2);
    }
    metrics_record(requests, values, 1);
    metrics_record(seconds, values, (double)elapsed_us / 1e6);
}

/* Called right before the answer, after which the request is dead. */
static void log_access(const struct transaction *transaction, int status)
{
    const struct script_route *route = transaction->route;
    const char *method = httpd_method(transaction->request),
               *pattern = route ? route->pattern : NULL;
    int64_t elapsed_us = loop_now_us() - transaction->request->started_us;
    count(method, pattern, status, elapsed_us);
    if (status >= 400 && status < 500 &&
        !httpd_refusal_is_logged(&transaction->request->conn->peer, status, clock_real_ms()))
        return;
    if (!log_begin(route ? route->log_level : LOG_INFO, "http.request")) return;
    log_str("method", method);
    log_str("route", pattern);
    log_int("status", status);
    log_num("ms", (double)(elapsed_us / 10) / 100);
    log_str("id", httpd_id(transaction->request));
    log_end();
}

static void send_reply(struct transaction *transaction, struct reply *reply)
{
    log_access(transaction, reply->status);
    api_reply_send(transaction->version->server->core, reply, transaction->request);
    transaction_end(transaction);
}

/* --- errors --- */

static const struct error {
    int status;
    const char *code, *detail;
} errors[] = {
    { 400, "bad_request", "The request's path is not well formed." },
    { 404, "not_found", "There is nothing at this address." },
    { 405, "method_not_allowed", "This address knows other methods; see Allow." },
    { 413, "body_too_large", "The request's body is longer than the portal takes." },
    { 500, "internal", "The portal made a mistake. Its log says more under this request id." },
    { 503, "draining", "The portal is being restarted. Ask again in a moment." },
};

static const struct error *error_of(int status)
{
    const struct error *error = errors;
    while (error->status != status)
        error++;
    return error;
}

struct rendering {
    struct transaction *transaction;
    const struct error *error;
    const char *more; /* 405: the methods; 500: a handler's error; or NULL */
    struct reply reply;
};

/* Protected: has server.on_error render the error. */
static int render_error(lua_State *L)
{
    struct rendering *rendering = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, rendering->transaction->version->on_error);
    push_view(L, rendering->transaction);
    lua_pushinteger(L, rendering->error->status);
    lua_pushstring(L, rendering->error->code);
    lua_createtable(L, 0, 2);
    api_set_text(L, rendering->error->status == 405 ? "allow" : "message", rendering->more);
    if (rendering->transaction->route)
        api_set_text(L, "route", rendering->transaction->route->pattern);
    lua_call(L, 4, 1);
    api_reply_read(L, -1, &rendering->reply);
    if (rendering->reply.is_stream) return luaL_error(L, "an error cannot be a stream");
    return lua_gettop(L);
}

static void log_script_error(const char *event, const struct transaction *transaction,
                             const char *message, const struct vm_error *place)
{
    if (!log_begin(LOG_ERROR, event)) return;
    log_str("route", transaction->route ? transaction->route->pattern : NULL);
    log_str("id", httpd_id(transaction->request));
    log_str("message", message);
    if (place) log_str("file", place->file);
    if (place) log_int("line", place->line);
    log_end();
}

/* Leaves what the reply points to on the vm's main stack. Returns 0 when the scripts cannot. */
static int render(struct rendering *rendering)
{
    struct script_version *version = rendering->transaction->version;
    struct vm_error failure;
    if (version->on_error == LUA_NOREF) return 0;
    lua_pushlightuserdata(vm_state(version->vm), rendering);
    if (vm_call(version->vm, render_error, 1, &failure) == 0) return 1;
    log_script_error("http.on_error_failed", rendering->transaction, failure.message, &failure);
    return 0;
}

static void send_plain_error(struct transaction *transaction, int status, const char *allow)
{
    const struct error *error = error_of(status);
    log_access(transaction, status);
    httpd_reply_problem(transaction->request, status, error->code, error->detail, allow);
    transaction_end(transaction);
}

/* Answers as the scripts render the error; in plain English when they cannot. */
static void fail(struct transaction *transaction, int status, const char *more)
{
    struct rendering rendering = { transaction, error_of(status), more, { 0 } };
    lua_State *L = vm_state(transaction->version->vm);
    int top = lua_gettop(L);
    if (render(&rendering))
        send_reply(transaction, &rendering.reply);
    else
        send_plain_error(transaction, status, status == 405 ? more : NULL);
    lua_settop(L, top);
}

/* --- answers without a handler --- */

static void send_empty(struct server *server, struct httpd_request *request, int status,
                       const char *name, const char *value)
{
    struct transaction *transaction = transaction_begin(server, request, NULL);
    const struct httpd_field fields[] = { { name, value }, { 0 } };
    log_access(transaction, status);
    httpd_reply(request, status, fields, NULL, 0);
    transaction_end(transaction);
}

/* Redirects a path that has a route without the slashes at its end. Returns 0 for another one. */
static int redirect_slash(struct server *server, struct httpd_request *request)
{
    struct router_match match;
    const char *path = httpd_path(request), *query = httpd_query(request);
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (!path[len]) return 0;
    char *location = mem_printf("%.*s", (int)len, path);
    int is_found = router_find(server->current->router, httpd_method(request), location, &match) ==
                   ROUTER_FOUND;
    free(location);
    if (!is_found) return 0;
    location = mem_printf("%.*s%s%s", (int)len, path, *query ? "?" : "", query);
    send_empty(server, request, 308, "Location", location);
    free(location);
    return 1;
}

static void serve_unrouted(struct server *server, struct httpd_request *request)
{
    if (server->core->www && www_serve(server->core->www, request)) return;
    if (!redirect_slash(server, request)) fail(transaction_begin(server, request, NULL), 404, NULL);
}

/* --- handlers --- */

/* Protected: argument 1 is the reply to read into, argument 2 the handler's value. */
static int read_value(lua_State *L)
{
    api_reply_read(L, 2, lua_touserdata(L, 1));
    return lua_gettop(L);
}

/* The handler has returned; its coroutine serves to read the reply. */
static void on_value(struct transaction *transaction, lua_State *co, int nresults)
{
    struct vm *vm = transaction->version->vm;
    struct reply reply;
    if (nresults == 0) lua_pushnil(co);
    if (nresults > 1) lua_settop(co, -nresults); /* only the first counts */
    lua_pushcfunction(co, read_value);
    lua_insert(co, -2);
    lua_pushlightuserdata(co, &reply);
    lua_insert(co, -2);
    vm_turn_begin(vm, co);
    int status = lua_pcall(co, 2, LUA_MULTRET, 0);
    vm_turn_end(vm, co);
    if (status == LUA_OK) {
        send_reply(transaction, &reply);
    } else {
        log_script_error("http.handler_failed", transaction, lua_tostring(co, -1), NULL);
        fail(transaction, 500, lua_tostring(co, -1));
    }
}

static void on_handled(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                       const char *message, void *arg)
{
    struct transaction *transaction = arg;
    if (outcome == TASK_OK) {
        on_value(transaction, co, nresults);
    } else if (outcome == TASK_CANCELLED) { /* the process ends, and the handler has not */
        send_plain_error(transaction, 503, NULL);
    } else {
        log_script_error(outcome == TASK_STOPPED ? "http.handler_stopped" : "http.handler_failed",
                         transaction, message, NULL);
        fail(transaction, 500, message);
    }
}

static void set_params(lua_State *L, const struct router_match *match)
{
    if (match->nparams == 0) return;
    lua_createtable(L, 0, match->nparams);
    for (int i = 0; i < match->nparams; i++) {
        lua_pushlstring(L, match->params[i].value, match->params[i].len);
        lua_setfield(L, -2, match->params[i].name);
    }
    lua_setfield(L, -2, "params");
}

/* Calls middleware(req, handler, pattern), or handler(req) without one. */
static void handle(struct server *server, struct httpd_request *request,
                   const struct router_match *match)
{
    struct script_version *version = server->current;
    const struct script_route *route = &version->routes[match->value];
    struct transaction *transaction = transaction_begin(server, request, route);
    lua_State *L = vm_state(version->vm);
    int has_middleware = version->middleware != LUA_NOREF;
    if (has_middleware) lua_rawgeti(L, LUA_REGISTRYINDEX, version->middleware);
    lua_rawgeti(L, LUA_REGISTRYINDEX, route->handler);
    push_view(L, transaction);
    set_params(L, match);
    if (has_middleware) {
        lua_insert(L, -2);
        lua_pushstring(L, route->pattern);
    }
    task_spawn(server->core->loop, L, NULL, has_middleware ? 3 : 1, on_handled, transaction);
}

static int64_t max_body(const struct script_version *version, enum router_result result,
                        const struct router_match *match)
{
    int64_t own = result == ROUTER_FOUND ? version->routes[match->value].max_body : 0;
    return own > 0 ? own : version->settings.max_body;
}

void api_request_serve(struct httpd_request *request, void *arg)
{
    struct server *server = arg;
    const struct script_version *version = server->current;
    struct router_match match;
    size_t body_len;
    httpd_body(request, &body_len);
    const char *method = httpd_method(request);
    enum router_result result = router_find(version->router, method, httpd_path(request), &match);
    int is_options = strcmp(method, "OPTIONS") == 0;
    if ((int64_t)body_len > max_body(version, result, &match))
        fail(transaction_begin(server, request, NULL), 413, NULL);
    else if (result == ROUTER_FOUND)
        handle(server, request, &match);
    else if (result == ROUTER_BAD)
        fail(transaction_begin(server, request, NULL), 400, NULL);
    else if (is_options)
        send_empty(server, request, 204, "Allow",
                   *match.allow ? match.allow : "GET, HEAD, OPTIONS");
    else if (result == ROUTER_NO_METHOD)
        fail(transaction_begin(server, request, NULL), 405, match.allow);
    else
        serve_unrouted(server, request);
}
