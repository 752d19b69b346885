/* vm_library: what a script finds when it starts: the safe part of Lua's own library, require,
 * strict globals. Part of vm. */
#ifndef VM_LIBRARY_H
#define VM_LIBRARY_H
#include <lua.h>

struct vm_module;

/* Opens the libraries in a new state. `folder` and `modules` must outlive it. */
void vm_library_open(lua_State *L, const char *folder, const struct vm_module *modules);
#endif
