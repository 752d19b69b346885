/* fuzz_lua: targets that are written in Lua. The file gets the table of loaded modules, in which it
 * may replace core modules by doubles, and returns a function that takes the bytes. An error that
 * it raises is a finding. */
#ifndef FUZZ_LUA_H
#define FUZZ_LUA_H
#include "api.h"
#include "fuzz.h"
#include "log.h"
#include "vm.h"

#include <lauxlib.h>
#include <unistd.h>

static lua_State *fuzz_L;

static inline int fuzz_trace(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

static inline void fuzz_lua_open(const char *file)
{
    static struct core core;
    struct vm *vm = vm_new(
        &(struct vm_options){ .folder = "scripts", .modules = api_modules, .context = &core });

    fuzz_L = vm_state(vm);
    lua_pushcfunction(fuzz_L, fuzz_trace);
    if (luaL_loadfile(fuzz_L, file) == LUA_OK) {
        luaL_getsubtable(fuzz_L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
        if (lua_pcall(fuzz_L, 1, 1, 1) == LUA_OK) return;
    }
    fprintf(stderr, "%s\n", lua_tostring(fuzz_L, -1));
    exit(2);
}

/* Calls the function. On the stack: the message handler, the function. */
static inline void fuzz_lua_call(const uint8_t *data, size_t size)
{
    lua_pushvalue(fuzz_L, 2);
    lua_pushlstring(fuzz_L, (const char *)data, size);
    if (lua_pcall(fuzz_L, 1, 1, 1) == LUA_OK) return;
    fprintf(stderr, "%s\n", lua_tostring(fuzz_L, -1));
    abort();
}

/* A whole target: this file. */
#define FUZZ_LUA(file)                                                                             \
    FUZZ_START()                                                                                   \
    {                                                                                              \
        log_init(STDERR_FILENO, LOG_ERROR);                                                        \
        fuzz_lua_open(file);                                                                       \
    }                                                                                              \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                   \
    {                                                                                              \
        fuzz_lua_call(data, size);                                                                 \
        lua_settop(fuzz_L, 2);                                                                     \
        return 0;                                                                                  \
    }
#endif
