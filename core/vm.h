/* vm: one lua_State that holds one version of the scripts. Loop thread.
 *
 * A turn is one uninterrupted run of Lua, from vm_turn_begin() to vm_turn_end(); there is one at a
 * time in the process. During a turn the allocator caps the state's memory, and a clock that pcall
 * cannot swallow limits its duration: an alarm sets a hook that yields out of the coroutine or,
 * where it cannot yield, raises at each instruction. Outside of a turn the core may use what it
 * needs.
 */
#ifndef VM_H
#define VM_H
#include "vm_library.h"

#include <lua.h>
#include <stddef.h>

struct vm;
struct bundle;
struct vm_options {
    const char *folder;              /* the scripts folder */
    struct bundle *site;             /* the installation's own files, or NULL; takes a reference */
    const struct vm_module *modules; /* ends with a NULL name; must outlive the vm */
    size_t max_bytes;                /* 0: 64 MiB */
    int max_turn_ms;                 /* longest run without waiting; 0: 1000 */
    void *context;                   /* for vm_context() */
};
struct vm_error {
    char file[256]; /* "" when unknown */
    int line;       /* 0 when unknown */
    char message[1024];
};

/* A new state with nothing loaded, with one reference. */
struct vm *vm_new(const struct vm_options *options);
void vm_ref(struct vm *vm);
/* Frees the state with its last reference. NULL is allowed. */
void vm_unref(struct vm *vm);
/* Changes the limits; 0 leaves one as it is. */
void vm_limit(struct vm *vm, size_t max_bytes, int max_turn_ms);
/* Runs FOLDER/file under the limits; the script may not wait. Returns 0, or -1 and *error. */
int vm_run_file(struct vm *vm, const char *file, struct vm_error *error);
/* Calls fn with the top nargs values of vm_state(), in the same way. On 0 its results are on top of
 * vm_state(). */
int vm_call(struct vm *vm, lua_CFunction fn, int nargs, struct vm_error *error);
lua_State *vm_state(struct vm *vm);
struct vm *vm_of(lua_State *L);
void *vm_context(lua_State *L);
/* Bytes in use by the state. */
size_t vm_bytes(const struct vm *vm);

/* Call these around lua_resume(). vm_turn_end() returns 1 when the turn was stopped because it ran
 * too long. */
void vm_turn_begin(struct vm *vm, lua_State *co);
int vm_turn_end(struct vm *vm, lua_State *co);
/* Around work of the core for another coroutine during a turn: lifts the memory cap. */
void vm_turn_pause(struct vm *vm);
void vm_turn_continue(struct vm *vm);
/* 1 during a turn: Lua is running, somewhere up the C stack. */
int vm_turning(void);
/* "scripts/x.lua:3: ", where the last turn that was stopped was when its time ran out. */
const char *vm_stopped_at(const struct vm *vm);
/* fn(site) is called, in a signal handler, when a turn goes on long after its limit: it is inside a
 * C function, where no hook runs. `site`: the installation's own files, when one of their functions
 * is running; else NULL. */
void vm_on_stuck(void (*fn)(const struct bundle *site));

/* An empty coroutine, protected from the garbage collector. */
lua_State *vm_thread_new(struct vm *vm);
/* Runs the pending to-be-closed variables of a coroutine that did not end well, under the limits.
 * `is_stopped`: vm_turn_end() returned 1. Returns the status of lua_resetthread(). */
int vm_thread_close(struct vm *vm, lua_State *co, int is_stopped);
/* Releases a coroutine that has ended or was closed. `may_reuse`: it ended well. */
void vm_thread_free(struct vm *vm, lua_State *co, int may_reuse);
#endif
