#include "vm_library.h"
#include "log.h"
#include "vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Registry: the scripts folder; the registered modules; the names that are being loaded now, in
 * order. */
#define FOLDER "vm.folder"
#define MODULES "vm.modules"
#define LOADING "vm.loading"
/* Registry: the names of modules that reach outside: that require the core, or a module that does.
 */
#define REACHING "vm.reaching"

/* --- files --- */

/* Pushes the file's text. Nothing raises while the file is open. */
static void push_text(lua_State *L, const char *path, const char *shown)
{
    struct stat info;
    luaL_Buffer text;

    if (stat(path, &info) != 0) luaL_error(L, "%s: cannot be read: %s", shown, strerror(errno));
    size_t size = (size_t)info.st_size;
    char *room = luaL_buffinitsize(L, &text, size + 1);
    FILE *file = fopen(path, "re");
    size_t got = file ? fread(room, 1, size, file) : 0;
    int failed = !file || ferror(file) ? errno : 0;
    if (file) fclose(file);
    if (failed) luaL_error(L, "%s: cannot be read: %s", shown, strerror(failed));
    luaL_pushresultsize(&text, got);
}

void vm_push_chunk(lua_State *L, const char *path, const char *shown)
{
    size_t len;

    lua_pushfstring(L, "@%s", shown);
    push_text(L, path, shown);
    const char *text = lua_tolstring(L, -1, &len);
    if (luaL_loadbufferx(L, text, len, lua_tostring(L, -2), "t") != LUA_OK) lua_error(L);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* --- require --- */

static void check_name(lua_State *L, const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != len ||
        name[0] == '.' || name[len - 1] == '.' || strstr(name, ".."))
        luaL_error(
            L,
            "require: \"%s\" is no module name (lower-case words with dots between: \"lib.names\")",
            name);
}

/* Raises "circular require: a -> b -> a" when `name` is being loaded already. */
static void refuse_circle(lua_State *L, const char *name)
{
    luaL_Buffer chain;
    int found = 0;

    lua_getfield(L, LUA_REGISTRYINDEX, LOADING);
    int list = lua_gettop(L), n = (int)lua_rawlen(L, list);
    luaL_buffinit(L, &chain);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, list, i);
        found = found || strcmp(lua_tostring(L, -1), name) == 0;
        if (!found) {
            lua_pop(L, 1);
            continue;
        }
        luaL_addvalue(&chain);
        luaL_addstring(&chain, " -> ");
    }
    luaL_addstring(&chain, name);
    luaL_pushresult(&chain);
    if (found) luaL_error(L, "circular require: %s", lua_tostring(L, -1));
    lua_settop(L, list - 1);
}

static lua_CFunction find_registered(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, MODULES);
    const struct vm_module *module = lua_touserdata(L, -1);
    lua_pop(L, 1);
    for (; module && module->name; module++)
        if (strcmp(module->name, name) == 0) return module->open;
    return NULL;
}

static int is_file(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* Pushes the chunk of lib/base/names.lua, or of lib/names/init.lua, for "lib.base.names". */
static void push_script(lua_State *L, const char *name)
{
    static const char *const endings[] = { ".lua", "/init.lua" };

    lua_getfield(L, LUA_REGISTRYINDEX, FOLDER);
    const char *folder = lua_tostring(L, -1),
               *shown = strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder;
    const char *part = luaL_gsub(L, name, ".", "/");
    for (int i = 0; i < 2; i++) {
        const char *path = lua_pushfstring(L, "%s/%s%s", folder, part, endings[i]);
        if (!is_file(path)) continue;
        vm_push_chunk(L, path, lua_pushfstring(L, "%s/%s%s", shown, part, endings[i]));
        return;
    }
    luaL_error(L, "require: there is no module \"%s\" (%s)", name,
               strncmp(name, "core.", 5) == 0
                   ? "the core has none of that name"
                   : lua_pushfstring(L, "looked for %s/%s.lua and %s/%s/init.lua", shown, part,
                                     shown, part));
}

static void mark_loading(lua_State *L, const char *name, int begins)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LOADING);
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    if (begins)
        lua_pushstring(L, name);
    else
        lua_pushnil(L);
    lua_rawseti(L, -2, begins ? n + 1 : n);
    lua_pop(L, 1);
}

/* Leaves the module on the stack. A failure leaves the list of what is loading as it is: the whole
 * state is given up then, unless a script caught it; so the list is cut back to where this load
 * began. */
static void load_module(lua_State *L, const char *name)
{
    lua_CFunction open = find_registered(L, name);

    mark_loading(L, name, 1);
    if (open)
        lua_pushcfunction(L, open);
    else
        push_script(L, name);
    lua_pushstring(L, name);
    int status = lua_pcall(L, 1, 1, 0);
    mark_loading(L, name, 0);
    if (status == LUA_ERRMEM) luaL_error(L, "not enough memory to load \"%s\"", name);
    if (status != LUA_OK) lua_error(L);
    if (!lua_isnil(L, -1)) return;
    lua_pop(L, 1); /* a file that only registers, such as a route, returns nothing; require then
                      gives true, as in plain Lua */
    lua_pushboolean(L, 1);
}

void vm_push_module(lua_State *L, const char *name)
{
    int top = lua_gettop(L);
    size_t len = strlen(name);

    check_name(L, name);
    if (len > 5 && strcmp(name + len - 5, ".init") == 0)
        name = lua_pushlstring(L, name, len - 5); /* one module, not two */
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    if (lua_getfield(L, -1, name) == LUA_TNIL) {
        lua_pop(L, 1);
        refuse_circle(L, name);
        load_module(L, name);
        lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
        lua_pushvalue(L, -2);
        lua_setfield(L, -2, name);
        lua_pop(L, 1);
    }
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
}

/* --- policy decides, and does nothing --- */

static int reaches(lua_State *L, const char *name)
{
    if (strncmp(name, "core.", 5) == 0) return 1;
    luaL_getsubtable(L, LUA_REGISTRYINDEX, REACHING);
    int found = lua_getfield(L, -1, name) != LUA_TNIL;
    lua_pop(L, 2);
    return found;
}

/* Pushes the name of the module that is being loaded now, or nil. */
static void push_loading(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LOADING);
    lua_rawgeti(L, -1, (lua_Integer)lua_rawlen(L, -1));
    lua_remove(L, -2);
}

/* Whether the function that called require stands in a policy file, also when it runs long after
 * that was loaded. */
static int asks_from_policy(lua_State *L)
{
    lua_Debug caller;

    if (!lua_getstack(L, 1, &caller) || !lua_getinfo(L, "S", &caller)) return 0;
    return strstr(caller.source, "/policy/") != NULL;
}

static int require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);

    vm_push_module(L, name);
    push_loading(L);
    const char *asking = lua_tostring(L, -1);
    int policy = (asking && strncmp(asking, "policy.", 7) == 0) || asks_from_policy(L);
    if (policy && reaches(L, name))
        return luaL_error(L,
                          "a policy decides and does nothing: it may not require \"%s\", which "
                          "reaches outside (let a route ask for what is "
                          "needed, and hand it over)",
                          name);
    if (asking && reaches(L, name)) {
        luaL_getsubtable(L, LUA_REGISTRYINDEX, REACHING);
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, asking);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return 1;
}

/* --- globals --- */

static int refuse_read(lua_State *L)
{
    return luaL_error(L, "undeclared name \"%s\" (misspelt, or a missing local or require)",
                      luaL_tolstring(L, 2, NULL));
}

static int refuse_write(lua_State *L)
{
    const char *name = luaL_tolstring(L, 2, NULL);

    return luaL_error(L, "assignment to the global name \"%s\" (write: local %s)", name, name);
}

static void make_strict(lua_State *L)
{
    lua_pushglobaltable(L);
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, refuse_read);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "the globals");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

/* --- Lua's own library, less what reaches outside or escapes the limits --- */

static int print(lua_State *L)
{
    luaL_Buffer line;
    int n = lua_gettop(L);

    luaL_buffinit(L, &line);
    for (int i = 1; i <= n; i++) {
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
        if (i < n) luaL_addchar(&line, '\t');
    }
    luaL_pushresult(&line);
    log_line(LOG_INFO, "script.print", "%s", lua_tostring(L, -1));
    return 0;
}

static int count_memory(lua_State *L)
{
    if (strcmp(luaL_optstring(L, 1, "collect"), "count") != 0)
        return luaL_error(L, "collectgarbage knows only \"count\" here");
    lua_pushnumber(L, (lua_Number)vm_bytes(vm_of(L)) / 1024);
    return 1;
}

/* Finalizers run under no limit. */
static int set_metatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "a script's metatable may have no __gc; use local x <close>");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static void take_away(lua_State *L, int table, const char *const *names)
{
    table = lua_absindex(L, table);
    for (; *names; names++) {
        lua_pushnil(L);
        lua_setfield(L, table, *names);
    }
}

static void open_libraries(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        { LUA_GNAME, luaopen_base },       { LUA_STRLIBNAME, luaopen_string },
        { LUA_TABLIBNAME, luaopen_table }, { LUA_MATHLIBNAME, luaopen_math },
        { LUA_UTF8LIBNAME, luaopen_utf8 }, { LUA_OSLIBNAME, luaopen_os }
    };
    static const char *const not_base[] = { "dofile", "loadfile", "load", "warn", NULL };
    static const char *const not_os[] = { "execute",   "exit",    "getenv",   "remove", "rename",
                                          "setlocale", "tmpname", "difftime", NULL };
    static const char *const not_string[] = { "dump", NULL };

    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
    lua_pushglobaltable(L);
    take_away(L, -1, not_base);
    lua_getfield(L, -1, LUA_OSLIBNAME);
    take_away(L, -1, not_os);
    lua_getfield(L, -2, LUA_STRLIBNAME);
    take_away(L, -1, not_string);
    lua_pop(L, 3);
}

void vm_library_open(lua_State *L, const char *folder, const struct vm_module *modules)
{
    lua_pushstring(L, folder);
    lua_setfield(L, LUA_REGISTRYINDEX, FOLDER);
    lua_pushlightuserdata(L, (void *)modules);
    lua_setfield(L, LUA_REGISTRYINDEX, MODULES);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LOADING);
    open_libraries(L);
    lua_register(L, "print", print);
    lua_register(L, "collectgarbage", count_memory);
    lua_register(L, "setmetatable", set_metatable);
    lua_register(L, "require", require);
    make_strict(L);
}
