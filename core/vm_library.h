/* vm_library: what a script finds in a new lua_State. Part of vm; loop thread.
 *
 * require() finds the core modules that were registered, and .lua files below the scripts folder by
 * their dotted name: "lib.base.names" is lib/base/names.lua, "steps" may be steps/init.lua;
 * "site.policy.names" is policy/names.lua of the installation's own files. Text chunks only. There
 * is no io, debug, load or coroutine library, and of os only time, date and clock. Reading or
 * assigning an undeclared global raises.
 */
#ifndef VM_LIBRARY_H
#define VM_LIBRARY_H
#include <lua.h>

struct bundle;
struct vm_module {
    const char *name; /* "core.log" */
    lua_CFunction open;
};

/* Opens the libraries in a new state. `folder` is the scripts folder; `modules` ends with a NULL
 * name; it and `site` (may be NULL) must outlive the state. */
void vm_library_open(lua_State *L, const char *folder, const struct vm_module *modules,
                     const struct bundle *site);

/* Pushes what require(name) returns, loading the module if necessary; raises as require does. */
void vm_push_module(lua_State *L, const char *name);
/* Pushes the text chunk in the file `path` as a function. Tracebacks call it `shown`. Raises. */
void vm_push_chunk(lua_State *L, const char *path, const char *shown);
/* The installation's own files that this state has, or NULL. */
const struct bundle *vm_site(lua_State *L);
/* Pushes the path of `file` in the scripts folder, and returns the name that tracebacks show. */
const char *vm_push_path(lua_State *L, const char *file);

/* Declares the modules of a folder, "policy" or "site/policy", pure: they may require neither core
 * modules (but for core.log) nor modules that do, while they load or later. Affects files loaded
 * afterwards. */
void vm_set_pure(lua_State *L, const char *folder);
#endif
