#include "vm.h"
#include "loop.h"
#include "test.h"

#include <lauxlib.h>

enum { TURN_MS = 60, PATIENCE_MS = 3000, CAP = 4 << 20 };

static char traced[512];
static struct vm *vm;
static struct vm_error error;
static int opened;

static int trace(lua_State *L)
{
    size_t used = strlen(traced);
    snprintf(traced + used, sizeof traced - used, "%s;", luaL_checkstring(L, 1));
    return 0;
}

static int open_test(lua_State *L)
{
    static const luaL_Reg functions[] = { { "trace", trace }, { NULL, NULL } };
    opened++;
    luaL_newlib(L, functions);
    return 1;
}

static const struct vm_module modules[] = { { "core.test", open_test }, { NULL, NULL } };

SET_UP()
{
    traced[0] = '\0';
    opened = 0;
    test_make_folder();
    vm = vm_new(&(struct vm_options){ .folder = test_path("scripts"),
                                      .modules = modules,
                                      .max_bytes = CAP,
                                      .max_turn_ms = TURN_MS,
                                      .context = traced });
    assert_true(vm);
}

TEAR_DOWN()
{
    assert_int_equal(lua_gettop(vm_state(vm)), 0); /* every push on the main state is popped */
    vm_unref(vm);
    test_remove_folder();
}

static int run(const char *text)
{
    test_write("scripts/init.lua", text);
    return vm_run_file(vm, "init.lua", &error);
}

static void good(const char *text)
{
    if (run(text) != 0) fail_msg("%s:%d: %s", error.file, error.line, error.message);
}

static void raises(const char *text, const char *part)
{
    assert_int_equal(run(text), -1);
    assert_contains(error.message, part);
}

static void is_at(const char *file, int line)
{
    assert_string_equal(error.file, file);
    assert_int_equal(error.line, line);
}

static void bad(const char *text, int line, const char *part)
{
    raises(text, part);
    is_at("scripts/init.lua", line);
}

/* --- available and removed library functions --- */

TEST_GROUP("vm", FIXTURE);

TEST(safe_library)
{
    good("assert(('x'):rep(3) == 'xxx' and math.max(1, 2) == 2 and utf8.char(233) and "
         "table.concat({1, 2}) == '12')\n"
         "assert(os.time() > 0 and os.clock() >= 0 and type(os.date('%Y')) == 'string')\n"
         "assert(collectgarbage('count') > 0 and select('#', 1, 2) == 2)\n"
         "print('a line for the log', 1, nil, true)");
}

TEST(no_way_out)
{
    char text[128];
    EACH (gone, "io", "debug", "coroutine", "package", "load", "loadfile", "dofile", "loadstring",
          "warn", "os.execute", "os.exit", "os.getenv", "os.remove", "os.rename", "os.tmpname",
          "os.difftime", "os.setlocale", "string.dump") {
        snprintf(
            text, sizeof text,
            "local ok, value = pcall(function() return %s end); assert(not ok or value == nil)",
            gone);
        good(text);
    }
    bad("collectgarbage('stop')", 1, "count");
    bad("setmetatable({}, {__gc = function() end})", 1, "__gc");
    bad("setmetatable(_G, {})", 1, "protected");
}

TEST(strict_globals)
{
    bad("local a = 1\nnmae = a", 2, "\"nmae\"");
    bad("\n\nreturn nmae", 3, "\"nmae\"");
    bad("local function f()\n  x = 1\nend\nf()", 2, "local x");
}

/* --- require --- */

TEST(require_once)
{
    test_write("scripts/lib/x.lua", "require('core.test').trace('x') return {value = 1}");
    good("local a, b = require 'lib.x', require 'lib.x'\nassert(a == b and a.value == 1)\n"
         "assert(require 'core.test' == require 'core.test')");
    assert_string_equal(traced, "x;");
    assert_int_equal(opened, 1);
}

TEST(require_folder)
{
    test_write("scripts/steps/init.lua", "require('core.test').trace(...) return {}");
    good("assert(require 'steps' == require 'steps.init')");
    assert_string_equal(traced, "steps;");
}

TEST(require_names)
{
    char text[64];
    EACH (name, "", ".", "a.", ".a", "a..b", "../x", "A", "a/b", "a b", "a\\0b") {
        snprintf(text, sizeof text, "require '%s'", name);
        raises(text, "module");
    }
    bad("require 'lib.missing'", 1, "scripts/lib/missing.lua");
    bad("require 'core.missing'", 1, "there is no core module");
}

TEST(circular_require)
{
    test_write("scripts/a.lua", "local b = require 'b'\nreturn {b}");
    test_write("scripts/b.lua", "\nlocal a = require 'a'\nreturn {a}");
    raises("require 'a'", "circular require: a -> b -> a");
    is_at("scripts/b.lua", 2);
    raises("assert(not pcall(require, 'a')) require 'a'",
           "a -> b -> a"); /* a caught failure leaves nothing behind */
}

TEST(module_without_value)
{
    test_write("scripts/nothing.lua", "require('core.test').trace('ran')");
    good("assert(require 'nothing' == true and require 'nothing' == true)");
    assert_string_equal(traced, "ran;");
}

TEST(errors_name_their_place)
{
    test_write("scripts/lib/typo.lua", "local t = {}\nlocal x = = 1\nreturn t");
    assert_int_equal(run("\nrequire 'lib.typo'"), -1);
    is_at("scripts/lib/typo.lua", 2);
    assert_contains(error.message, "unexpected symbol");
    assert_int_equal(run("error('config.lua: stack.image: a stack needs one', 0)"), -1);
    is_at("config.lua", 0);
    assert_string_equal(error.message, "stack.image: a stack needs one");
    assert_int_equal(run("error({})"), -1);
    assert_string_equal(error.file, "");
    assert_int_equal(vm_run_file(vm, "missing.lua", &error), -1);
    assert_string_equal(error.file, "scripts/missing.lua");
}

static int keep(lua_State *L, const void *bytes, size_t len, void *buffer)
{
    (void)L;
    luaL_addlstring(buffer, bytes, len);
    return 0;
}

TEST(text_only)
{
    lua_State *L = luaL_newstate();
    luaL_Buffer buffer;
    size_t len;
    luaL_loadstring(L, "return 1");
    luaL_buffinit(L, &buffer);
    lua_pushvalue(L, 1);
    lua_dump(L, keep, &buffer, 0);
    lua_pop(L, 1);
    luaL_pushresult(&buffer);
    const char *bytes = lua_tolstring(L, -1, &len);
    test_write_bytes("scripts/init.lua", bytes, len);
    lua_close(L);
    assert_int_equal(vm_run_file(vm, "init.lua", &error), -1);
    assert_contains(error.message, "binary");
}

/* --- limits --- */

static void stopped(const char *text, int line)
{
    int64_t began = loop_now_ms();
    bad(text, line, "longer than 60 ms");
    int64_t took = loop_now_ms() - began;
    if (took < TURN_MS / 2 || took > PATIENCE_MS)
        fail_msg("stopped after %d ms: %s", (int)took, text);
}

TEST(endless_loops_end)
{
    stopped("while true do end", 1);
    stopped("\nlocal function f() return f() end f()", 2);
    stopped("while true do pcall(function() while true do end end) end", 1);
    stopped("repeat local ok = pcall(error, 'x') until false", 1);
    good("return 1"); /* and the next turn is whole again */
}

TEST(endless_where_no_yield_can_be)
{
    raises("table.sort({1, 2, 3}, function() while true do pcall(function() while "
           "true do end end) end end)",
           "longer than 60 ms");
    raises("('x'):gsub('x', function() while true do end end)", "longer than 60 ms");
    raises("pcall(table.sort, {1, 2, 3}, function() while true do end end) while true do end",
           "longer than 60 ms");
    test_write("scripts/lib/spin.lua", "while true do end");
    assert_int_equal(run("\nwhile true do pcall(require, 'lib.spin') end"), -1);
    is_at("scripts/lib/spin.lua", 1); /* where it was found, not where it ended */
    assert_contains(error.message, "longer than 60 ms");
    raises("local x <close> = setmetatable({}, {__close = function() while true do "
           "end end}) while true do end",
           "longer than 60 ms");
    good("return 1");
}

TEST(endless_message_handlers_end)
{
    stopped("xpcall(error, function()\nwhile true do end end, 'x') while true do end", 2);
    stopped("while true do xpcall(error, function() while true do end end) end", 1);
    raises("xpcall(function() while true do end end, function() while true do end end)",
           "longer than 60 ms");
    raises("table.sort({1, 2}, function() xpcall(error, function() while true do end end) end)",
           "longer than 60 ms");
    good("return 1");
}

TEST(xpcall_is_luas)
{
    good("local function all(...) return select('#', ...), ... end\n"
         "local n, ok, a, b = all(xpcall(function(...) return ... end, print, 1, nil))\n"
         "assert(n == 3 and ok == true and a == 1 and b == nil)\n"
         "n, ok, a = all(xpcall(error, function(e) return e .. '!', 2 end, 'x', 0))\n"
         "assert(n == 2 and ok == false and a == 'x!')\n"
         "n, ok, a = all(xpcall(error, function(e) return e end))\n"
         "assert(n == 2 and ok == false and a == nil)\n"
         "assert(not pcall(xpcall, print) and not pcall(xpcall))\n"
         "ok, a = xpcall(error, function(e) error(e) end, 'x') assert(not ok)");
}

TEST(stopped_threads_do_not_escape_the_limit)
{
    for (int i = 0; i < 3; i++)
        stopped("table.sort({1, 2}, function() while true do end end)",
                1); /* dies in the hook, and the next runs on a fresh one */
}

TEST(memory_is_capped)
{
    vm_limit(vm, CAP, PATIENCE_MS);
    bad("local t = {}\nfor i = 1, math.huge do t[i] = {} end", 2, "more memory than they may have");
    good("return 1");
}

/* What a recursion took is not kept by the coroutine, which is used again. */
TEST(memory_of_a_recursion)
{
    vm_limit(vm, CAP, PATIENCE_MS);
    for (int i = 0; i < 3; i++) {
        bad("local function f() return 1 + f() end return f()", 1, "more memory");
        good("local t = {} for i = 1, 20000 do t[i] = {} end");
    }
}

TEST(memory_of_one_string)
{
    vm_limit(vm, CAP, PATIENCE_MS);
    raises("return ('x'):rep(1e9)", "more memory");
    raises("local s = 'x' while true do s = s .. s end", "more memory");
    good("local ok = pcall(string.rep, 'x', 1e9) assert(not ok)");
    lua_gc(vm_state(vm), LUA_GCCOLLECT);
    assert_true(vm_bytes(vm) < CAP / 4);
}

TEST(other_limits)
{
    vm_limit(vm, 64 << 20, PATIENCE_MS);
    good("assert(#('x'):rep(16 << 20) == 16 << 20)");
    vm_limit(vm, 0, 5);
    bad("while true do end", 1, "longer than 5 ms");
}

static int sum(lua_State *L)
{
    lua_pushinteger(L, luaL_checkinteger(L, 1) + luaL_checkinteger(L, 2));
    return 1;
}

TEST(call)
{
    lua_State *L = vm_state(vm);
    lua_pushinteger(L, 2);
    lua_pushinteger(L, 3);
    assert_int_equal(vm_call(vm, sum, 2, &error), 0);
    assert_int_equal(lua_tointeger(L, -1), 5);
    lua_pop(L, 1);
    lua_pushinteger(L, 2);
    assert_int_equal(vm_call(vm, sum, 1, &error), -1);
    assert_contains(error.message, "number expected");
    assert_ptr_equal(vm_of(L), vm);
    assert_ptr_equal(vm_context(L), traced);
}

TEST(threads_are_used_again)
{
    lua_State *one = vm_thread_new(vm);
    vm_thread_free(vm, one, 1);
    assert_ptr_equal(vm_thread_new(vm), one);
    lua_State *many[100];
    for (int i = 0; i < 100; i++)
        many[i] = vm_thread_new(vm);
    for (int i = 0; i < 100; i++)
        vm_thread_free(vm, many[i], 1);
    lua_gc(vm_state(vm), LUA_GCCOLLECT);
    vm_thread_free(vm, one, 1);
}
