#include "vm_library.h"
#include "bundle.h"
#include "file.h"
#include "log.h"
#include "vm_chunks.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_SCRIPT_BYTES = 16 << 20 };

/* Keys in the registry. */
#define FOLDER "vm.folder"   /* path of the scripts folder */
#define MODULES "vm.modules" /* light userdata: the registered modules */
#define SITE "vm.site"       /* light userdata: the installation's own files, or nil */
#define LOADING "vm.loading" /* list: names of the modules being loaded, outermost first */
#define PURE "vm.pure"       /* list: folders declared pure */
#define IMPURE "vm.impure"   /* set: names of modules that reach the core */

/* --- files --- */

/* Pushes the chunk; frees `owned`, the text of one of the product's own files. */
static void push_text(lua_State *L, const char *text, size_t len, const char *shown, char *owned)
{
    const char *name = lua_pushfstring(L, "@%s", shown);
    int status =
        owned ? vm_chunk_load(L, text, len, name) : luaL_loadbufferx(L, text, len, name, "t");
    if (len > 0 && *text == *LUA_SIGNATURE)
        lua_pushfstring(L, "%s: is a binary, a compiled script (write its source)", shown);
    free(owned);
    if (status != LUA_OK) lua_error(L);
    lua_remove(L, -2);
}

void vm_push_chunk(lua_State *L, const char *path, const char *shown)
{
    size_t len;
    char *text = file_read(path, MAX_SCRIPT_BYTES, &len);
    if (!text) luaL_error(L, "%s: cannot be read: %s", shown, strerror(errno));
    push_text(L, text, len, shown, text);
}

const struct bundle *vm_site(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, SITE);
    const struct bundle *site = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return site;
}

/* "scripts" for "/srv/portal/scripts". Stays valid as long as the state. */
static const char *folder_name(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    return slash ? slash + 1 : folder;
}

static const char *scripts_folder(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, FOLDER);
    const char *folder = lua_tostring(L, -1);
    lua_pop(L, 1);
    return folder;
}

const char *vm_push_path(lua_State *L, const char *file)
{
    const char *folder = scripts_folder(L);
    const char *path = lua_pushfstring(L, "%s/%s", folder, file);
    return path + (folder_name(folder) - folder);
}

/* --- require --- */

static void check_name(lua_State *L, const char *name)
{
    size_t len = strlen(name);
    int has_bad_byte = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != len;
    if (len == 0 || has_bad_byte || name[0] == '.' || name[len - 1] == '.' || strstr(name, ".."))
        luaL_error(L,
                   "require: \"%s\" is not a module name (lower-case words separated by dots, such "
                   "as \"lib.names\")",
                   name);
}

/* Raises "circular require: a -> b -> a" when `name` is already being loaded. */
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

/* Pushes the chunk of policy/names.lua of the installation's own files for "site.policy.names". */
static void push_site(lua_State *L, const char *part)
{
    const struct bundle *site = vm_site(L);
    const char *shown = lua_pushfstring(L, "%s.lua", part), *path = strchr(shown, '/') + 1;
    const struct bundle_file *file = site ? bundle_find(site, path) : NULL;
    if (!file) luaL_error(L, "require: there is no file %s", shown);
    push_text(L, file->text, file->len, shown, NULL);
}

/* Pushes the chunk of lib/base/names.lua, or of lib/base/names/init.lua, for "lib.base.names". */
static void push_script(lua_State *L, const char *name)
{
    const char *part = luaL_gsub(L, name, ".", "/");
    if (strncmp(name, "site.", 5) == 0) {
        push_site(L, part);
        return;
    }
    const char *file = lua_pushfstring(L, "%s.lua", part);
    const char *init = lua_pushfstring(L, "%s/init.lua", part);
    const char *shown = vm_push_path(L, file), *shown_init = vm_push_path(L, init);
    const char *path = lua_tostring(L, -2), *path_init = lua_tostring(L, -1);
    if (is_file(path))
        vm_push_chunk(L, path, shown);
    else if (is_file(path_init))
        vm_push_chunk(L, path_init, shown_init);
    else if (strncmp(name, "core.", 5) == 0)
        luaL_error(L, "require: there is no core module \"%s\"", name);
    else
        luaL_error(L, "require: there is no module \"%s\" (looked for %s and %s)", name, shown,
                   shown_init);
}

/* Adds a name to the end of the list of modules being loaded; NULL removes the last one. */
static void set_loading(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LOADING);
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    lua_pushstring(L, name);
    lua_rawseti(L, -2, name ? count + 1 : count);
    lua_pop(L, 1);
}

/* Pushes the value of the module. */
static void load_module(lua_State *L, const char *name)
{
    lua_CFunction open = find_registered(L, name);
    if (open)
        lua_pushcfunction(L, open);
    else
        push_script(L, name);
    set_loading(L, name);
    lua_pushstring(L, name);
    int status = lua_pcall(L, 1, 1, 0);
    set_loading(L, NULL);
    if (status == LUA_ERRMEM) {
        const char *file = lua_pushfstring(L, "%s.lua", luaL_gsub(L, name, ".", "/"));
        if (strncmp(name, "site.", 5) != 0) file = vm_push_path(L, file);
        luaL_error(L, "%s: not enough memory to load it (limits.script_memory of config.lua)",
                   file);
    }
    if (status != LUA_OK) lua_error(L);
    if (!lua_isnil(L, -1)) return;
    lua_pop(L, 1); /* a file that only registers something; require returns true, as in plain Lua */
    lua_pushboolean(L, 1);
}

void vm_push_module(lua_State *L, const char *name)
{
    int top = lua_gettop(L);
    size_t len = strlen(name);
    check_name(L, name);
    if (len > 5 && strcmp(name + len - 5, ".init") == 0)
        name = lua_pushlstring(L, name, len - 5); /* "steps" and "steps.init" are one module */
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    int loaded = lua_gettop(L);
    if (lua_getfield(L, loaded, name) == LUA_TNIL) {
        refuse_circle(L, name);
        load_module(L, name);
        lua_pushvalue(L, -1);
        lua_setfield(L, loaded, name);
    }
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
}

/* --- pure folders --- */

void vm_set_pure(lua_State *L, const char *folder)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, PURE);
    lua_pushstring(L, folder);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

static int starts_with(const char *text, const char *start, char end)
{
    size_t len = strlen(start);
    return strncmp(text, start, len) == 0 && text[len] == end;
}

/* The folder declared pure that a module name ("policy.names") or a chunk name
 * ("@scripts/policy/names.lua", "@site/policy/names.lua") belongs to, or NULL. Either may be NULL.
 */
static const char *pure_folder_of(lua_State *L, const char *module, const char *chunk)
{
    const char *root = folder_name(scripts_folder(L)), *found = NULL, *path = "";
    int top = lua_gettop(L);
    if (chunk && chunk[0] == '@')
        path = starts_with(chunk + 1, root, '/') ? chunk + strlen(root) + 2 : chunk + 1;
    const char *module_path = module ? luaL_gsub(L, module, ".", "/") : "";
    luaL_getsubtable(L, LUA_REGISTRYINDEX, PURE);
    int list = lua_gettop(L);
    for (lua_Integer i = 1; !found && lua_rawgeti(L, list, i) == LUA_TSTRING; i++) {
        const char *folder = lua_tostring(L, -1);
        if (starts_with(module_path, folder, '/') || starts_with(path, folder, '/')) found = folder;
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    return found;
}

static int reaches_core(lua_State *L, const char *name)
{
    if (strcmp(name, "core.log") == 0) return 0; /* it changes no decision */
    if (strncmp(name, "core.", 5) == 0) return 1;
    luaL_getsubtable(L, LUA_REGISTRYINDEX, IMPURE);
    int found = lua_getfield(L, -1, name) != LUA_TNIL;
    lua_pop(L, 2);
    return found;
}

static int require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_Debug caller;
    lua_settop(L, 1);
    vm_push_module(L, name);
    if (!reaches_core(L, name)) return 1;
    lua_getfield(L, LUA_REGISTRYINDEX, LOADING);
    lua_rawgeti(L, -1, (lua_Integer)lua_rawlen(L, -1));
    const char *module = lua_tostring(L, -1); /* being loaded; NULL in a call that comes later */
    int has_caller = lua_getstack(L, 1, &caller) && lua_getinfo(L, "S", &caller);
    const char *folder = pure_folder_of(L, module, has_caller ? caller.source : NULL);
    if (folder)
        return luaL_error(L,
                          "the files in %s/ are pure: they may not require \"%s\", which uses the "
                          "core (pass what they need as an argument)",
                          folder, name);
    if (module) {
        luaL_getsubtable(L, LUA_REGISTRYINDEX, IMPURE);
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, module);
    }
    lua_settop(L, 2);
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
    static const luaL_Reg methods[] = { { "__index", refuse_read },
                                        { "__newindex", refuse_write },
                                        { NULL, NULL } };
    lua_pushglobaltable(L);
    luaL_newlib(L, methods);
    lua_pushliteral(L, "the globals");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

/* --- Lua's own library, without what reaches outside or escapes the limits --- */

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
        return luaL_error(L, "collectgarbage only supports \"count\" here");
    lua_pushnumber(L, lua_gc(L, LUA_GCCOUNT) + lua_gc(L, LUA_GCCOUNTB) / 1024.0);
    return 1;
}

/* Refuses __gc, because finalizers run under no limit. */
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

/* Removes names from the table on top of the stack. */
static void remove_names(lua_State *L, const char *const *names)
{
    for (; *names; names++) {
        lua_pushnil(L);
        lua_setfield(L, -2, *names);
    }
}

static void open_libraries(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        { LUA_GNAME, luaopen_base },       { LUA_STRLIBNAME, luaopen_string },
        { LUA_TABLIBNAME, luaopen_table }, { LUA_MATHLIBNAME, luaopen_math },
        { LUA_UTF8LIBNAME, luaopen_utf8 }, { LUA_OSLIBNAME, luaopen_os }
    };
    static const luaL_Reg replaced[] = { { "print", print },
                                         { "collectgarbage", count_memory },
                                         { "setmetatable", set_metatable },
                                         { "require", require },
                                         { NULL, NULL } };
    static const char *const not_base[] = { "dofile", "loadfile", "load", "warn", NULL };
    static const char *const not_os[] = { "execute",   "exit",    "getenv",   "remove", "rename",
                                          "setlocale", "tmpname", "difftime", NULL };
    static const char *const not_string[] = { "dump", NULL };
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
    lua_getglobal(L, LUA_OSLIBNAME);
    remove_names(L, not_os);
    lua_getglobal(L, LUA_STRLIBNAME);
    remove_names(L, not_string);
    lua_pushglobaltable(L);
    remove_names(L, not_base);
    luaL_setfuncs(L, replaced, 0);
    lua_pop(L, 3);
}

void vm_library_open(lua_State *L, const char *folder, const struct vm_module *modules,
                     const struct bundle *site)
{
    lua_pushstring(L, folder);
    lua_setfield(L, LUA_REGISTRYINDEX, FOLDER);
    lua_pushlightuserdata(L, (void *)modules);
    lua_setfield(L, LUA_REGISTRYINDEX, MODULES);
    if (site) {
        lua_pushlightuserdata(L, (void *)(uintptr_t)site);
        lua_setfield(L, LUA_REGISTRYINDEX, SITE);
    }
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LOADING);
    open_libraries(L);
    make_strict(L);
}
