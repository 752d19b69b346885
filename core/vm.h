/* vm: one lua_State that holds one generation of the scripts. Built, checked, swapped in, and freed with its last task.
 *
 * What a script can reach is what is in the module table: "core.*" modules that were registered, and .lua files below the scripts folder
 * by dotted name ("lib.names" is lib/names.lua). Text chunks only. No io, no debug, no load, no coroutine library; of os only time, date, clock.
 * An assignment to an undeclared global raises. Memory is capped by the allocator; one turn of running is capped by a clock that pcall cannot swallow.
 */
#ifndef VM_H
#define VM_H
#include <lua.h>
#include <stddef.h>

struct vm;
struct vm_module { const char *name; lua_CFunction open; };
struct vm_options {
    const char *folder;               /* the scripts folder */
    const struct vm_module *modules;  /* ends with a NULL name; "core.log", ... */
    size_t max_bytes;                 /* 64 MiB when 0 */
    int max_turn_ms;                  /* 1000 when 0: the longest that a script may run without waiting */
    void *context;                    /* vm_context() */
};
struct vm_error { char file[256]; int line; char message[1024]; };

/* New state with nothing loaded; NULL when out of memory. One reference. */
struct vm *vm_new(const struct vm_options *options);
void vm_ref(struct vm *vm);
void vm_unref(struct vm *vm);
/* Runs FOLDER/file ("init.lua") in a coroutine under the limits; it may not wait. Returns 0, or -1 and *error. */
int vm_run_file(struct vm *vm, const char *file, struct vm_error *error);
lua_State *vm_state(struct vm *vm);
struct vm *vm_of(lua_State *L);
void *vm_context(lua_State *L);
/* The limit on one turn: call around lua_resume. vm_turn_end() returns 1 when the turn was stopped for running too long. */
void vm_turn_begin(struct vm *vm, lua_State *co);
int vm_turn_end(struct vm *vm, lua_State *co);
size_t vm_bytes(const struct vm *vm);
#endif
