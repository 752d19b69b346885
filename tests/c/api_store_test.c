/* core.store, core.http, core.shared and core.log, as a script sees them. */
#include "script_fixture.h"
#include "fetch.h"
#include "log.h"
#include "shared.h"
#include "store.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

static char folder[64], path[96];

static void carry(void *arg, void (*fn)(void *arg), void *fn_arg)
{
    loop_post(arg, fn, fn_arg);
}

static int set_up(void **state)
{
    char *message = NULL;
    (void)state;
    strcpy(folder, "/tmp/api_store_test.XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/journal.db", folder);
    script_open();
    script_core.store = store_open(path, carry, script_core.loop, &message);
    script_core.fetch = fetch_pool_new(script_core.loop, 4);
    script_core.shared = shared_new();
    return script_core.store && script_core.fetch ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    store_close(script_core.store);
    fetch_pool_free(script_core.fetch);
    shared_free(script_core.shared);
    script_close();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* ---- core.store ---- */

#define STORE "local store = require 'core.store' "
#define SCHEMA "store.migrate {'CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, n)'} "

static void test_store_values(void **state)
{
    (void)state;
    script_run(
        STORE SCHEMA
        "local r = assert(store.run {{'SELECT ? AS i, ? AS r, ? AS s, ? AS yes, ? AS no, ? AS "
        "missing, ? AS hole, ? AS last', 7, "
        "1.5, 'a\\0b', true, false, store.null, nil, 'x'}})\n"
        "local row = r[1][1]\n"
        "assert(math.type(row.i) == 'integer' and row.i == 7 and math.type(row.r) == 'float' and "
        "row.r == 1.5)\n"
        "assert(row.s == 'a\\0b' and row.yes == 1 and row.no == 0 and row.missing == nil and "
        "row.hole == nil and row.last == 'x')\n"
        "assert(#r == 1 and #r[1] == 1 and r[1].changes == 0)\n"
        "assert(store.null == require 'core.json'.null)\n"
        "r = assert(store.run {{'INSERT INTO t(name, n) VALUES(?, ?)', 'a'}, {'INSERT INTO t(name) "
        "VALUES(?)', 'b'}, {'UPDATE t SET "
        "n = 1'}, {'SELECT name FROM t ORDER BY name'}})\n"
        "assert(r[1].changes == 1 and r[3].changes == 2 and #r[4] == 2 and r[4][2].name == 'b')\n"
        "assert(#assert(store.run {}) == 0)\n"
        "r = assert(store.run {{'SELECT 1 WHERE ?', false, gate = true}, {'SELECT 2 AS two'}}) "
        "assert(#r == 2 and #r[2] == 0)\n"
        "r = assert(store.run {{'SELECT 1 WHERE ?', false, gate = false}, {'SELECT 2 AS two'}}) "
        "assert(r[2][1].two == 2)");
}

static void test_store_failures(void **state)
{
    (void)state;
    script_run(
        STORE SCHEMA
        "assert(store.run {{'INSERT INTO t(name) VALUES(?)', 'a'}})\n"
        "local r, why, code = store.run {{'INSERT INTO t(name) VALUES(?)', 'b'}, {'INSERT INTO "
        "t(name) VALUES(?)', 'a'}}\n"
        "assert(r == nil and code == 'conflict' and why:find 'UNIQUE', why)\n"
        "assert(#store.run {{'SELECT * FROM t'}}[1] == 1)\n"
        "r, why, code = store.run {{'SELEC'}} assert(r == nil and code == 'invalid')\n"
        "r, why, code = store.run {{'SELECT ?', 1, 2}} assert(r == nil and code == 'invalid')\n"
        "local function misuse(word, ...) local ok, e = pcall(store.run, ...) assert(not ok and "
        "e:find(word), tostring(e)) end\n"
        "misuse('table', 'SELECT 1') misuse('statement 1', {'SELECT 1'}) misuse('statement 2 has "
        "no SQL', {{'SELECT 1'}, {5}})\n"
        "misuse('statement 1, argument 2: a table', {{'SELECT ?, ?', 1, {}}}) misuse('no argument: "
        "name', {{'SELECT ?', name = 1}}) "
        "misuse('no argument: gate', {{'SELECT 1', gate = 1}}) misuse('function', {{'SELECT ?', "
        "print}})");
}

static void test_store_migrate(void **state)
{
    (void)state;
    script_run(STORE "local function refused(word, list) local ok, e = pcall(store.migrate, list) "
                     "assert(not ok and e:find(word), tostring(e)) end\n"
                     "refused('migration 1', {'CREATE TABL x'}) refused('migration 2 is a', "
                     "{'CREATE TABLE x(a)', {}})\n" SCHEMA SCHEMA
                     "assert(store.run {{'SELECT 1'}})\n"
                     "refused('start', {'x', 'CREATE TABLE more(a)'})");
}

static void test_store_side_by_side_and_killed(void **state)
{
    (void)state;
    script_run(STORE SCHEMA);
    struct task *task = script_start(
        STORE "store.run {{'INSERT INTO t(name) VALUES(?)', 'from the dead'}} error 'not reached'");
    assert_false(script_ended);
    task_kill(task);
    assert_true(script_ended);
    script_run(STORE
               "local fns = {} for i = 1, 50 do fns[i] = function() return assert(store.run "
               "{{'INSERT INTO t(n) VALUES(?)', "
               "i}})[1].changes end end\n"
               "for _, r in ipairs(require 'core.task'.all(fns)) do assert(r[1] == 1, r[2]) end\n"
               "local r = store.run {{'SELECT count(*) AS n, count(name) AS named FROM t'}}[1][1] "
               "assert(r.n == 51 and r.named == 1)");
}

static int run_chunk(lua_State *L)
{
    if (luaL_loadstring(L, STORE "store.run {{'SELECT 1'}}") != LUA_OK) return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

static void test_store_only_in_a_task(void **state)
{
    struct vm_error error;
    (void)state;
    assert_int_equal(vm_call(script_vm, run_chunk, 0, &error), -1);
    assert_non_null(strstr(error.message, "only a task may wait"));
}

/* ---- core.http ---- */

static int listener, port;

static void *serve(void *arg)
{
    static const char reply[] = "HTTP/1.1 201 Created\r\nX-One: 1\r\nx-one: "
                                "2\r\nX-Empty:\r\nConnection: close\r\nContent-Length: ";
    char request[4096], head[256];
    int fd;
    (void)arg;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        ssize_t n = recv(fd, request, sizeof request - 1, 0);
        request[n > 0 ? n : 0] = 0;
        int len = snprintf(head, sizeof head, "%s%zd\r\n\r\n", reply, n);
        if (n > 0 && strncmp(request, "GET /hang", 9) == 0)
            n = recv(fd, request, 1, 0);
        else if (n > 0 && send(fd, head, (size_t)len, MSG_NOSIGNAL) > 0)
            send(fd, request, (size_t)n, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static int serve_all(void **state)
{
    pthread_t thread;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    (void)state;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, len) || listen(listener, 8) ||
        getsockname(listener, (struct sockaddr *)&address, &len))
        return -1;
    port = ntohs(address.sin_port);
    pthread_create(&thread, NULL, serve, NULL);
    return pthread_detach(thread);
}

static void run_http(const char *text)
{
    char script[4096];
    snprintf(script, sizeof script,
             "local http = require 'core.http' local base = 'http://127.0.0.1:%d' %s", port, text);
    script_run(script);
}

static void test_http_request(void **state)
{
    (void)state;
    run_http("local r = assert(http.request {url = base .. '/x?q=1', method = 'POST', body = "
             "'a\\0b', headers = {['X-Api-Key'] = 'k', "
             "['X-Number'] = 5}, fresh = true, timeout = 2})\n"
             "assert(r.status == 201 and math.type(r.status) == 'integer' and r.verified == false "
             "and r.seconds > 0)\n"
             "assert(r.headers['x-one'] == '1, 2' and r.headers['x-empty'] == '' and "
             "r.headers['content-length'])\n"
             "assert(r.body:find('POST /x?q=1 HTTP/1.1\\r\\n', 1, true) == 1 and "
             "r.body:find('X-Api-Key: k\\r\\n', 1, true) and "
             "r.body:find('X-Number: 5\\r\\n', 1, true))\n"
             "assert(r.body:sub(-3) == 'a\\0b')");
}

static void test_http_failures(void **state)
{
    (void)state;
    run_http("local function fails(want, want_sent, o) local r, why, code, sent = http.request(o) "
             "assert(r == nil and code == want and "
             "sent == want_sent and #why > 0, tostring(code)) end\n"
             "fails('timeout', true, {url = base .. '/hang', timeout = 0.1})\n"
             "fails('refused', false, {url = 'http://127.0.0.1:1/'})\n"
             "fails('refused', false, {url = base, fence = true})\n"
             "fails('invalid', false, {url = 'gopher://x/'})\n"
             "fails('too_large', true, {url = base, max_body = 3})\n"
             "fails('invalid', false, {url = base, headers = {['A B'] = 'x'}})");
}

static void test_http_misuse(void **state)
{
    (void)state;
    run_http("local function misuse(word, o) local ok, e = pcall(http.request, o) assert(not ok "
             "and e:find(word), tostring(e)) end\n"
             "misuse('table', 'http://x') misuse('url is missing', {}) misuse('retries', {url = "
             "base, retries = 3}) misuse('timeout', {url "
             "= base, timeout = -1}) misuse('timeout', {url = base, timeout = 'x'})\n"
             "misuse('timeout', {url = base, timeout = 0/0}) misuse('max_body', {url = base, "
             "max_body = -1}) misuse('body', {url = base, "
             "body = {}}) misuse('headers', {url = base, headers = 'x'})\n"
             "misuse('headers', {url = base, headers = {'x'}}) misuse('NUL', {url = base, headers "
             "= {a = 'x\\0y'}}) misuse('fresh', {url = "
             "base, fresh = 1})");
}

static void test_http_killed(void **state)
{
    char script[256];
    (void)state;
    snprintf(script, sizeof script,
             "require 'core.http'.request {url = 'http://127.0.0.1:%d/hang'} error 'not reached'",
             port);
    task_kill(script_start(script));
    assert_true(script_ended);
    run_http("assert(http.request {url = base})");
}

/* ---- core.shared ---- */

static void test_shared(void **state)
{
    (void)state;
    script_run("local shared = require 'core.shared'\n"
               "assert(shared.get 'x' == nil)\n"
               "for _, v in ipairs {'text', 'a\\0b', 5, 1.5, true, false} do shared.set('x', v) "
               "assert(shared.get 'x' == v and "
               "math.type(shared.get 'x') == math.type(v)) end\n"
               "shared.set('x', nil) assert(shared.get 'x' == nil)\n"
               "assert(shared.add('claim:a', 'me') == true and shared.add('claim:a', 'you') == "
               "false and shared.get 'claim:a' == 'me')\n"
               "assert(shared.incr 'n' == 1 and shared.incr('n', 5) == 6 and shared.incr('n', "
               "-0.5) == 5.5 and math.type(shared.incr 'm') "
               "== 'integer')\n"
               "shared.set('claim:c', 1) shared.set('claim:b', 1) shared.set('other', 1)\n"
               "assert(table.concat(shared.keys 'claim:', ' ') == 'claim:a claim:b claim:c') "
               "assert(#shared.keys 'none' == 0)\n"
               "shared.set('soon', 1, 0.02) assert(shared.incr('count', 1, 0.03) == 1)\n"
               "local task = require 'core.task' task.sleep(0.02) assert(shared.get 'soon' == nil "
               "and shared.incr('count', 1, 100) == 2)\n"
               "task.sleep(0.02) assert(shared.incr('count', 1, 1) == 1)\n"
               "local function misuse(fn, ...) assert(not pcall(fn, ...)) end\n"
               "misuse(shared.get) misuse(shared.get, 5) misuse(shared.set, 'x', {}) "
               "misuse(shared.set, 'x', 1, 0) misuse(shared.set, 'x', "
               "1, -1) misuse(shared.add, 'x') misuse(shared.incr, 'claim:a') misuse(shared.incr, "
               "'n', 'x')");
}

/* ---- core.log ---- */

static void test_log(void **state)
{
    char line[1024], name[96];
    (void)state;
    snprintf(name, sizeof name, "%s/log", folder);
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    log_init(fd, LOG_INFO);
    script_run("local log = require 'core.log'\n"
               "log.debug('not.seen') log.info('test.line', {z = 1, b = 'x\\n', a = true, half = "
               "0.5, api_token = 'canary'})\n"
               "local function misuse(word, ...) local ok, e = pcall(log.info, ...) assert(not ok "
               "and e:find(word), tostring(e)) end\n"
               "misuse('event', 'Not a word') misuse('event', '') misuse('table', 'x', {t = {}}) "
               "misuse('level', 'x', {level = 'y'}) "
               "misuse('name', 'x', {5}) misuse('table', 'x', 'y')");
    log_flush();
    ssize_t n = pread(fd, line, sizeof line - 1, 0);
    line[n > 0 ? n : 0] = 0;
    log_init(STDERR_FILENO, LOG_INFO);
    close(fd);
    assert_non_null(strstr(line, "\"level\":\"info\",\"event\":\"test.line\",\"a\":true,\"api_"
                                 "token\":\"***\",\"b\":\"x\\n\",\"half\":0.5,\"z\":1}\n"));
    assert_null(strstr(line, "canary"));
    assert_null(strstr(line, "not.seen"));
}

static const struct CMUnitTest tests[] = {
    TEST(test_store_values),
    TEST(test_store_failures),
    TEST(test_store_migrate),
    TEST(test_store_side_by_side_and_killed),
    TEST(test_store_only_in_a_task),
    TEST(test_http_request),
    TEST(test_http_failures),
    TEST(test_http_misuse),
    TEST(test_http_killed),
    TEST(test_shared),
    TEST(test_log),
};

TEST_GROUP(api_store, tests, serve_all, NULL)
