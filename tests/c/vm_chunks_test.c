#include "vm_chunks.h"
#include "test.h"

#include <lauxlib.h>
#include <string.h>

static lua_State *L;

SET_UP()
{
    L = luaL_newstate();
    vm_chunks_keep();
}

TEAR_DOWN()
{
    lua_close(L);
}

TEST_GROUP("vm_chunks", FIXTURE);

static int load(const char *text, size_t len)
{
    lua_settop(L, 0);
    return vm_chunk_load(L, text, len, "@scripts/x.lua");
}

/* Loads and runs it; what it returns or raises is on top. */
static void run(const char *text)
{
    assert_int_equal(load(text, strlen(text)), LUA_OK);
    lua_pcall(L, 0, 1, 0);
}

TEST(a_kept_chunk_does_what_its_text_does)
{
    for (int i = 0; i < 3; i++) {
        run("local x = 20\nreturn x + 1");
        assert_int_equal(lua_tointeger(L, -1), 21);
    }
}

TEST(a_changed_file_is_compiled_again)
{
    run("return 1");
    run("return 1");
    run("return 2");
    assert_int_equal(lua_tointeger(L, -1), 2);
    run("return 1");
    assert_int_equal(lua_tointeger(L, -1), 1);
}

TEST(a_kept_chunk_knows_its_lines)
{
    for (int i = 0; i < 2; i++) {
        run("\n\nreturn 1 + {}");
        assert_string_equal(lua_tostring(L, -1),
                            "scripts/x.lua:3: attempt to perform arithmetic on a table value");
    }
}

TEST(a_mistake_is_no_chunk)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(load("return +", 8), LUA_ERRSYNTAX);
}

static int append(lua_State *unused, const void *code, size_t len, void *buffer)
{
    (void)unused;
    luaL_addlstring(buffer, code, len);
    return 0;
}

TEST(bytecode_in_a_file_is_refused)
{
    luaL_Buffer buffer;
    lua_State *other = luaL_newstate();
    size_t len;
    luaL_loadstring(other, "return 1");
    luaL_buffinit(L, &buffer);
    lua_dump(other, append, &buffer, 0);
    luaL_pushresult(&buffer);
    lua_close(other);
    const char *code = lua_tolstring(L, -1, &len);
    assert_int_equal(vm_chunk_load(L, code, len, "@scripts/x.lua"), LUA_ERRSYNTAX);
}
