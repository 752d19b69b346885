/* core.server, from a request on the wire to the answer, with scripts of the
 * test's own. */
#include "api.h"
#include "httpd.h"
#include "api_script_version.h"
#include "log.h"
#include "test.h"
#include "shared.h"
#include "sse.h"
#include "task.h"
#include "wire.h"

static struct core core;
static struct server server;
static struct settings settings;
static struct wire *wire;
static const char *body;

/* The part of a configuration that the C side reads. */
static const char settings_lua[] =
    "return { check = function(raw, env, mode)\n"
    "  return { mode = mode, host = '127.0.0.1', port = 0, data_dir = "
    "'/nowhere', log_level = 'info', watch = raw.watch,\n"
    "    names = { 'a', 'b' }, limits = { max_body = 100, max_connections = "
    "50, script_seconds = 0.1, script_memory = 8 << 20 } }\n"
    "end }";

SET_UP()
{
    test_make_folder();
    test_write("config.lua", "return { watch = env 'NO_SUCH_VARIABLE' }");
    test_write("scripts/lib/settings/init.lua", settings_lua);
    wire_loop = loop_new();
    memset(&core, 0, sizeof core);
    settings = (struct settings){ .root = test_folder };
    server = (struct server){
        .core = &core, .modules = api_modules, .init = "init.lua", .root = test_folder
    };
    core = (struct core){ .loop = wire_loop,
                          .shared = shared_new(),
                          .sse = sse_new(wire_loop),
                          .server = &server,
                          .settings = &settings };
    core.httpd = httpd_new(wire_loop, NULL, api_request_serve, &server);
}

TEAR_DOWN()
{
    wire_close_all();
    wire = NULL;
    task_kill_all();
    if (server.current) assert_int_equal(lua_gettop(vm_state(server.current->vm)), 0);
    script_version_retire(&server);
    sse_free(core.sse);
    httpd_free(core.httpd);
    shared_free(core.shared);
    loop_free(wire_loop);
    test_remove_folder();
}

static int try_load(const char *text, struct vm_error *error)
{
    char whole[8192];
    snprintf(whole, sizeof whole,
             "local server, task = require 'core.server', require 'core.task' "
             "local function get(path, handler) server.route('GET', path, handler) end\n%s",
             text);
    test_write("scripts/init.lua", whole);
    struct script_version *version = script_version_new(&server, &settings, NULL, error);
    if (!version) return -1;
    if (script_version_load(version, error) == 0) {
        script_version_activate(version);
        return 0;
    }
    script_version_free(version);
    return -1;
}

static void load(const char *text)
{
    struct vm_error error;
    if (try_load(text, &error) != 0) fail_msg("%s:%d: %s", error.file, error.line, error.message);
    if (wire) return;
    int port = httpd_listen(core.httpd, "127.0.0.1", 0);
    assert_true(port > 0);
    wire = wire_open(port);
}

static int ask(const char *head)
{
    char request[4096];
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: Stack.Example:80\r\n\r\n", head);
    return wire_ask(wire, request, &body);
}

static void gives(const char *head, int status, const char *text)
{
    assert_int_equal(ask(head), status);
    assert_string_equal(body, text);
}

static void says(const char *head, int status, const char *part)
{
    assert_int_equal(ask(head), status);
    assert_contains(wire->text, part);
}

static struct vm_error refuses(const char *text, const char *part)
{
    struct vm_error error;
    assert_int_equal(try_load(text, &error), -1);
    assert_contains(error.message, part);
    return error;
}

/* --- replies --- */

TEST_GROUP("api_server", FIXTURE);

TEST(kinds_of_reply)
{
    load("get('/text', function() return 'hello' end)\n"
         "get('/status', function() return 204 end)\n"
         "get('/json', function() return { status = 201, json = { 1, 'two' }, headers = { "
         "['X-Count'] = 3 } } end)\n"
         "get('/html', function() return { html = '<p>' } end)\n"
         "get('/body', function() return { body = 'a\\0b', type = 'image/x' } end)\n"
         "get('/typed', function() return { json = {}, headers = { ['content-type'] = "
         "'application/problem+json' } } end)\n"
         "get('/first', function() return 'one', 'two' end)");
    gives("GET /text", 200, "hello");
    assert_contains(wire->text, "Content-Type: text/plain; charset=utf-8\r\n");
    gives("GET /json", 201, "[1,\"two\"]");
    assert_contains(wire->text, "Content-Type: application/json\r\n", "X-Count: 3\r\n");
    says("GET /html", 200, "Content-Type: text/html; charset=utf-8\r\n");
    says("GET /body", 200, "Content-Type: image/x\r\n");
    assert_memory_equal(body, "a\0b", 3);
    says("GET /typed", 200, "Content-Type: application/problem+json\r\n");
    gives("GET /first", 200, "one");
    gives("GET /status", 204, "");
    wire_forget(wire);
    wire_send(wire->fd,
              "HEAD /text HTTP/1.1\r\nHost: x\r\n\r\nGET /html HTTP/1.1\r\nHost: x\r\n\r\n");
    wire_expect(wire, "<p>");
    assert_lacks(wire->text, "hello");
}

TEST(invalid_replies)
{
    char text[256];
    EACH (wrong, "nil", "true", "1.5", "99", "600", "{ jsn = 1 }", "print", "{ status = 'x' }",
          "{ text = {} }", "{ json = print }", "{ headers = 1 }", "{ headers = { 'x' } }",
          "{ headers = { a = { {} } } }", "{ headers = { ['a\\0'] = 'x' } }",
          "{ headers = { a = 'x\\0y' } }", "{ headers = { a = { 'x\\0' } } }", "{ cut = 'x' }") {
        snprintf(text, sizeof text, "get('/', function() return %s end)", wrong);
        load(text);
        says("GET /", 500, "\"code\":\"internal\"");
    }
}

TEST(cut)
{
    load("get('/half', function() return { text = 'half', cut = 10 } end)");
    wire_send(wire->fd, "GET /half HTTP/1.1\r\nHost: x\r\n\r\n");
    wire_expect_end(wire);
    assert_contains(wire->text, "Content-Length: 14\r\n", "\r\n\r\nhalf");
}

/* --- what a handler gets --- */

TEST(request)
{
    load("server.route('POST', '/x/:name', function(req)\n"
         "  return table.concat({ req.method, req.path, req.params.name, req.query.a, req.query.b, "
         "req.query.c or 'none', req.headers['x-two'],\n"
         "    req.body, #req.id, req.peer, req.host, tostring(req.nothing) }, '|') end)\n"
         "get('/kept', function(req) assert(req.headers == req.headers) req.mine = 1 return "
         "tostring(req.mine) .. #req.params .. #req.query end)");
    wire_ask(wire,
             "POST /x/a%20b?a=1&a=2&b=x+%26y%zz&&=q&c HTTP/1.1\r\nHost: "
             "Stack.Example:80\r\nX-Two: 1\r\nx-two: 2\r\nContent-Length: "
             "3\r\n\r\nabc",
             &body);
    assert_string_equal(body, "POST|/x/a b|a b|2|x &y%zz||1, 2|abc|16|127.0.0.1|stack.example|nil");
    gives("GET /kept", 200, "100");
}

TEST(request_after_the_answer)
{
    load("local seen\n"
         "get('/', function(req) local path = req.path\n"
         "  task.spawn(nil, function() task.sleep(0.01) seen = path .. select(2, pcall(function() "
         "return req.headers end)) end) return 'x' end)\n"
         "get('/seen', function() while not seen do task.sleep(0.01) end return seen end)");
    gives("GET /", 200, "x");
    says("GET /seen", 200, "req.headers was first asked for after the answer");
}

TEST(waiting_handlers_run_side_by_side)
{
    load("get('/:s', function(req) task.sleep(req.params.s / 1000) return req.params.s end)");
    struct wire *other = wire_open(httpd_listen(core.httpd, "127.0.0.1", 0));
    wire_send(wire->fd, "GET /200 HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *fast;
    wire_ask(other, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", &fast);
    assert_string_equal(fast, "1");
    assert_int_equal(wire->len, 0);
    wire_answer(wire, &body);
    assert_string_equal(body, "200");
}

/* --- errors --- */

static const char failing[] = "get('/x', function() end)\n"
                              "get('/boom', function() error 'boom' end)\n"
                              "get('/spin', function() while true do end end)\n"
                              "get('/eat', function() return ('x'):rep(1e9) end)\n";

TEST(errors_without_scripts)
{
    load(failing);
    says("GET /nowhere", 404, "\"code\":\"not_found\"");
    says("POST /x", 405, "Allow: GET, HEAD, OPTIONS\r\n");
    says("GET /a%00b", 400, "\"code\":\"bad_request\"");
    says("GET /boom", 500, "\"code\":\"internal\"");
    assert_lacks(wire->text, "boom");
    says("GET /spin", 500, "\"code\":\"internal\"");
    says("GET /eat", 500, "\"code\":\"internal\"");
    says("GET /nowhere", 404, "Content-Type: application/problem+json\r\n");
}

TEST(errors_rendered_by_scripts)
{
    char text[2048];
    snprintf(text, sizeof text,
             "%sserver.on_error(function(req, status, code, extra)\n"
             "  return { status = status, text = code .. ' ' .. req.path .. ' ' "
             ".. tostring(extra.allow) } end)",
             failing);
    load(text);
    gives("GET /nowhere", 404, "not_found /nowhere nil");
    gives("POST /x", 405, "method_not_allowed /x GET, HEAD, OPTIONS");
    gives("GET /boom", 500, "internal /boom nil");
    gives("GET /spin", 500, "internal /spin nil");
    snprintf(text, sizeof text, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n%0101d",
             0);
    wire_gives(wire, text, 413, "body_too_large /x nil");
}

TEST(errors_in_on_error)
{
    char text[2048];
    EACH (wrong, "error 'again'", "while true do end", "task.sleep(0)", "return nil") {
        snprintf(text, sizeof text, "server.on_error(function() %s end)", wrong);
        load(text);
        says("GET /nowhere", 404, "\"code\":\"not_found\"");
    }
}

/* --- streams --- */

TEST(stream)
{
    load(
        "local sse = require 'core.sse'\n"
        "get('/s', function(req) return sse.subscribe('c', { last_id = 1, replay = {\n"
        "  { id = 1, event = 'a', data = 'old' }, { id = 2, event = 'b', data = 'two' } } }) end)\n"
        "get('/bad', function(req) return sse.subscribe('c', { replay = { { id = 1 } } }) end)\n"
        "get('/pub', function() return tostring(sse.publish('c', { id = 3, event = 'c', data = "
        "'three', last = true })) end)");
    says("GET /bad", 500, "internal");
    struct wire *stream = wire_open(httpd_listen(core.httpd, "127.0.0.1", 0));
    wire_send(stream->fd, "GET /s HTTP/1.1\r\nHost: x\r\n\r\n");
    wire_expect(stream, "data: two\n");
    assert_lacks(stream->text, "data: old");
    gives("GET /pub", 200, "1");
    wire_expect(stream, "data: three\n");
    wire_close(stream);
    says("HEAD /s", 200, "text/event-stream");
}

/* --- script versions --- */

TEST(reload_keeps_what_runs)
{
    load("get('/slow', function() task.sleep(0.5) return 'old' end) get('/v', function() return "
         "'1' end)");
    wire_send(wire->fd, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    while (task_count() == 0)
        wire_turn(5);
    load("get('/v', function() return tostring(server.info().generation) end)");
    wire_answer(wire, &body);
    assert_string_equal(body, "old");
    gives("GET /v", 200, "2");
    assert_int_equal(ask("GET /slow"), 404);
    assert_int_equal(task_count(), 0);
}

TEST(refused_version_changes_nothing)
{
    load("get('/v', function() return 'first' end)");
    refuses("get('/v', function() return 'second' end) error 'no'", "no");
    refuses("server.route('GET', 'v', print)", "starts with /");
    refuses("server.route('GET', '/v', print) server.route('GET', '/v', print)", "already");
    refuses("task.sleep(1)", "only a task may wait");
    refuses("task.spawn(nil, print)", "on_start");
    refuses("server.read '/etc/passwd'", "not below www/");
    refuses("server.read 'www/../config.lua'", "not below www/");
    gives("GET /v", 200, "first");
}

TEST(registering_only_while_loading)
{
    load("get('/:what', function(req) local what = req.params.what\n"
         "  if what == 'route' then server.route('GET', '/late', print) end\n"
         "  if what == 'timer' then require('core.timer').every('late', 1, print) end\n"
         "  if what == 'read' then server.read 'www/x' end return 'no error' end)");
    EACH (request, "GET /route", "GET /timer", "GET /read")
        says(request, 500, "internal");
    gives("GET /other", 200, "no error");
}

TEST(timers)
{
    load("local timer = require 'core.timer' local n, now, most = 0, 0, 0\n"
         "timer.every('t', 0.01, function() n, now = n + 1, now + 1 most = math.max(most, now) "
         "task.sleep(0.025) now = now - 1 end)\n"
         "get('/', function() while n < 3 do task.sleep(0.01) end return tostring(most) end)");
    gives("GET /", 200, "1"); /* never two at once */
    load("local shared = require 'core.shared' get('/', function() return 'no timer' end)");
    task_kill_all();
    wire_turn(50);
    assert_int_equal(task_count(), 0);
    refuses(
        "local timer = require 'core.timer' timer.every('t', 1, print) timer.every('t', 1, print)",
        "already");
}

/* Reloads come faster than the timer's interval. */
TEST(timers_continue_over_reloads)
{
    const char *text = "local shared = require 'core.shared' require('core.timer').every('t', 0.2, "
                       "function() shared.incr 'runs' end) get('/', function() return "
                       "tostring(shared.get 'runs') end)";
    for (int i = 0; i < 12; i++) {
        load(text);
        wire_turn(50);
    }
    int status = ask("GET /");
    assert_int_equal(status, 200);
    int runs = atoi(body);
    assert_true(runs >= 2 && runs <= 4);
}

static void on_started(const char *message, void *arg)
{
    snprintf(arg, 128, "%s", message ? message : "good");
    loop_stop(wire_loop);
}

TEST(on_start)
{
    char outcome[128] = "";
    load("local order = '' for i = 1, 3 do server.on_start(function() task.sleep(0.01) order = "
         "order .. i end) end\n"
         "get('/', function() return order end)");
    script_version_start(server.current, on_started, outcome);
    loop_run(wire_loop);
    assert_string_equal(outcome, "good");
    gives("GET /", 200, "123");
    load("server.on_start(function() task.sleep(0.01) error 'not today' end)");
    script_version_start(server.current, on_started, outcome);
    loop_run(wire_loop);
    assert_contains(outcome, "not today");
}

TEST(config)
{
    struct vm_error error;
    setenv("TEST_SECRET", "hush", 1);
    load(
        "local config = require 'core.config' assert(config.secret 'TEST_SECRET' == 'hush' and not "
        "config.secret 'NO_SUCH_SECRET')\n"
        "assert(config.mode == 'portal' and #config.names == 2 and config.limits.max_body == 100)\n"
        "local n = 0 for key, value in pairs(config.limits) do n = n + 1 end for _, name in "
        "ipairs(config.names) do n = n + #name end assert(n == 6)\n"
        "assert(not pcall(function() config.mode = 'x' end) and not pcall(function() "
        "config.limits.max_body = 1 end))\n"
        "assert(config.watch == nil)");
    assert_null(getenv("TEST_SECRET")); /* it was removed when it was read */
    test_write("config.lua", "return { watch = nosuch 'x' }");
    error = refuses("", "nosuch");
    assert_string_equal(error.file, "config.lua");
    assert_int_equal(error.line, 1);
    test_write("config.lua", "return {");
    assert_string_equal(refuses("", "").file, "config.lua");
    test_write("config.lua", "local a = 1\nwhile true do end");
    error = refuses("", "");
    assert_string_equal(error.file, "config.lua");
    assert_int_equal(error.line, 2);
}
