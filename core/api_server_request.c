#include "api.h"
#include "api_server.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "metrics.h"
#include "router.h"
#include "task.h"
#include "www.h"

#include <lauxlib.h>

/* --- exchanges --- */

static struct exchange *free_exchanges;

static struct exchange *begin(struct server *server, struct httpd_request *request,
                              const char *pattern)
{
    static uint64_t counter;
    struct exchange *exchange = free_exchanges;

    if (exchange)
        free_exchanges = exchange->next;
    else
        exchange = mem_new(1, sizeof *exchange);
    *exchange = (struct exchange){ .number = ++counter,
                                   .request = request,
                                   .generation = server->current,
                                   .level = LOG_INFO,
                                   .pattern = pattern };
    return exchange;
}

/* The request is answered and dead. */
static void end(struct exchange *exchange)
{
    exchange->number = 0;
    exchange->request = NULL;
    exchange->next = free_exchanges;
    free_exchanges = exchange;
}

/* --- the access log --- */

struct access {
    char method[16], pattern[128], id[32];
    int64_t started_us;
    enum log_level level;
};

static void copy(char *to, size_t room, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (len >= room) len = room - 1;
    memcpy(to, text ? text : "", len);
    to[len] = '\0';
}

/* What the line will say; taken before the answer, after which the request is dead. */
static void note(struct access *access, const struct exchange *exchange)
{
    access->level = exchange->level;
    access->started_us = httpd_started_us(exchange->request);
    copy(access->method, sizeof access->method, httpd_method(exchange->request));
    copy(access->pattern, sizeof access->pattern, exchange->pattern);
    copy(access->id, sizeof access->id, httpd_id(exchange->request));
}

/* A status has three digits: httpd and the reader of replies see to that. */
static void count(const struct access *access, int status)
{
    static const char *const labels[] = { "method", "route", "code" };
    static struct metrics_family *requests, *seconds;
    char code[4] = { (char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                     (char)('0' + status % 10), '\0' };
    const char *const values[] = { access->method, access->pattern[0] ? access->pattern : "none",
                                   code };

    if (!requests) {
        requests = metrics_declare("deployer_http_requests_total", METRICS_COUNTER,
                                   "Answered requests", labels, 3);
        seconds = metrics_declare("deployer_http_request_duration_seconds", METRICS_HISTOGRAM,
                                  "From the whole request to its answer; of a stream, to its head",
                                  labels, 2);
    }
    metrics_add(requests, values, 1);
    metrics_observe(seconds, values, (double)(loop_now_us() - access->started_us) / 1e6);
}

static void write_access(const struct access *access, int status)
{
    count(access, status);
    if (!log_begin(access->level, "http.request")) return;
    log_str("method", access->method);
    log_str("route", access->pattern[0] ? access->pattern : NULL);
    log_int("status", status);
    log_num("ms", (double)((loop_now_us() - access->started_us) / 10) / 100);
    log_str("id", access->id);
    log_end();
}

/* --- errors --- */

struct error {
    struct exchange *exchange;
    int status;
    const char *code, *allow;
    struct reply reply;
};

/* Protected: has server.on_error word the error. */
static int read_error(lua_State *L)
{
    struct error *error = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, error->exchange->generation->on_error);
    api_server_push_view(L, error->exchange);
    lua_pushinteger(L, error->status);
    lua_pushstring(L, error->code);
    lua_createtable(L, 0, 1);
    if (error->allow) {
        lua_pushstring(L, error->allow);
        lua_setfield(L, -2, "allow");
    }
    lua_call(L, 4, 1);
    api_server_read_reply(L, -1, &error->reply);
    if (error->reply.channel) return luaL_error(L, "an error is no stream");
    return lua_gettop(L);
}

static void log_on_error(const struct exchange *exchange, const struct vm_error *failure)
{
    if (!log_begin(LOG_ERROR, "http.on_error_failed")) return;
    log_str("message", failure->message);
    log_str("file", failure->file);
    log_int("line", failure->line);
    log_str("id", httpd_id(exchange->request));
    log_end();
}

/* Reads the scripts' answer into error->reply; what that points to is on the vm's main stack. */
static int word(struct error *error)
{
    struct generation *generation = error->exchange->generation;
    struct vm_error failure;

    if (generation->on_error == LUA_NOREF) return 0;
    lua_pushlightuserdata(vm_state(generation->vm), error);
    if (vm_call(generation->vm, read_error, 1, &failure) == 0) return 1;
    log_on_error(error->exchange, &failure);
    return 0;
}

/* Answers, by the scripts' words if that can be, and ends the exchange. */
static void fail(struct exchange *exchange, int status, const char *code, const char *allow)
{
    struct error error = { .exchange = exchange, .status = status, .code = code, .allow = allow };
    struct access access;
    lua_State *L = vm_state(exchange->generation->vm);
    int top = lua_gettop(L);

    note(&access, exchange);
    if (word(&error))
        api_server_send(exchange->generation->server->core, &error.reply, exchange->request);
    else
        api_server_plain_error(exchange->request, status, code, allow);
    lua_settop(L, top);
    write_access(&access, status);
    end(exchange);
}

static void log_failure(const struct exchange *exchange, enum task_outcome outcome,
                        const char *message)
{
    if (!log_begin(LOG_ERROR,
                   outcome == TASK_STOPPED ? "http.handler_stopped" : "http.handler_failed"))
        return;
    log_str("route", exchange->pattern);
    log_str("id", httpd_id(exchange->request));
    log_str("message", message);
    log_end();
}

/* --- handlers --- */

/* Protected: argument 1 is where to read the handler's value, argument 2, into. */
static int read_value(lua_State *L)
{
    api_server_read_reply(L, 2, lua_touserdata(L, 1));
    return lua_gettop(L);
}

/* The handler has returned; its coroutine is as good as new, and serves to read the reply. */
static void give_reply(struct exchange *exchange, lua_State *co, int nresults)
{
    struct vm *vm = exchange->generation->vm;
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
    if (status != LUA_OK) {
        log_failure(exchange, TASK_FAILED, lua_tostring(co, -1));
        fail(exchange, 500, "internal", NULL);
        return;
    }
    struct access access;
    note(&access, exchange);
    api_server_send(exchange->generation->server->core, &reply, exchange->request);
    write_access(&access, reply.status);
    end(exchange);
}

/* The process ends, and the handler has not. */
static void give_up(struct exchange *exchange)
{
    struct access access;

    note(&access, exchange);
    api_server_plain_error(exchange->request, 503, "draining", NULL);
    write_access(&access, 503);
    end(exchange);
}

static void on_handled(struct task *task, enum task_outcome outcome, lua_State *co, int nresults,
                       const char *message, void *arg)
{
    struct exchange *exchange = arg;

    (void)task;
    if (outcome == TASK_OK) {
        give_reply(exchange, co, nresults);
    } else if (outcome == TASK_CANCELLED) {
        give_up(exchange);
    } else {
        log_failure(exchange, outcome, message);
        fail(exchange, 500, "internal", NULL);
    }
}

static void push_params(lua_State *L, const struct router_match *match)
{
    if (match->nparams == 0) return;
    lua_createtable(L, 0, match->nparams);
    for (int i = 0; i < match->nparams; i++) {
        lua_pushlstring(L, match->params[i].value, match->params[i].len);
        lua_setfield(L, -2, match->params[i].name);
    }
    lua_setfield(L, -2, "params");
}

static void handle(struct server *server, struct httpd_request *request,
                   const struct router_match *match)
{
    struct exchange *exchange = begin(server, request, match->pattern);
    lua_State *L = vm_state(server->current->vm);

    int middleware = server->current->middleware;
    const struct handler *handler = &server->current->handlers[match->value];

    exchange->level = handler->level;
    if (middleware != LUA_NOREF) lua_rawgeti(L, LUA_REGISTRYINDEX, middleware);
    lua_rawgeti(L, LUA_REGISTRYINDEX, handler->fn);
    api_server_push_view(L, exchange);
    push_params(L, match);
    if (middleware != LUA_NOREF) {
        lua_insert(L, -2); /* middleware(req, handler, pattern) */
        lua_pushstring(L, match->pattern);
    }
    task_spawn(server->core->loop, L, NULL, middleware == LUA_NOREF ? 1 : 3, on_handled, exchange);
}

static int serve_file(struct server *server, struct httpd_request *request)
{
    const char *method = httpd_method(request);

    if (!server->core->www || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)) return 0;
    return www_serve(server->core->www, request);
}

static int is_too_long(const struct server *server, const struct httpd_request *request)
{
    size_t len;

    httpd_body(request, &len);
    return (int64_t)len > server->current->settings.max_body;
}

void api_server_on_request(struct httpd_request *request, void *arg)
{
    struct server *server = arg;
    struct router_match match;

    if (is_too_long(server, request)) {
        fail(begin(server, request, NULL), 413, "body_too_large", NULL);
        return;
    }
    switch (
        router_find(server->current->router, httpd_method(request), httpd_path(request), &match)) {
    case ROUTER_FOUND:
        handle(server, request, &match);
        break;
    case ROUTER_BAD:
        fail(begin(server, request, NULL), 400, "bad_request", NULL);
        break;
    case ROUTER_NO_METHOD:
        fail(begin(server, request, NULL), 405, "method_not_allowed", match.allow);
        break;
    case ROUTER_NO_PATH:
        if (!serve_file(server, request))
            fail(begin(server, request, NULL), 404, "not_found", NULL);
        break;
    }
}
