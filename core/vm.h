/* vm: one lua_State that holds one generation of the scripts. Built, checked, swapped in, and freed
 * with its last task.
 *
 * What a script can reach is what is in the module table: "core.*" modules that were registered,
 * and .lua files below the scripts folder by dotted name ("lib.base.names" is lib/base/names.lua,
 * "steps" may be steps/init.lua). Text chunks only. No io, no debug, no load, no coroutine library;
 * of os only time, date, clock. Reading or assigning an undeclared global raises.
 *
 * A turn is one stretch of running: from vm_turn_begin() to vm_turn_end(). In a turn memory is
 * capped by the allocator, and time by a clock that pcall cannot swallow: an alarm sets a hook that
 * yields out of the coroutine, or, where it cannot yield, raises at each instruction. Outside of a
 * turn the core may use what it needs. One turn at a time in the process.
 */
#ifndef VM_H
#define VM_H
#include <lua.h>
#include <stddef.h>

struct vm;
struct vm_module {
    const char *name;
    lua_CFunction open;
};
struct vm_options {
    const char *folder;              /* the scripts folder */
    const struct vm_module *modules; /* ends with a NULL name; "core.log", ... */
    size_t max_bytes;                /* 64 MiB when 0 */
    int max_turn_ms; /* 1000 when 0: the longest that a script may run without waiting */
    void *context;   /* vm_context() */
};
struct vm_error {
    char file[256];
    int line;
    char message[1024];
};

/* New state with nothing loaded; NULL when out of memory. One reference. */
struct vm *vm_new(const struct vm_options *options);
void vm_ref(struct vm *vm);
void vm_unref(struct vm *vm);
/* Other limits than those it was made with; 0 leaves one as it is. */
void vm_limit(struct vm *vm, size_t max_bytes, int max_turn_ms);
/* Runs FOLDER/file ("init.lua") in a coroutine under the limits; it may not wait. Returns 0, or -1
 * and *error. */
int vm_run_file(struct vm *vm, const char *file, struct vm_error *error);
/* Calls fn with nargs values from the top of vm_state() in the same way; it may not wait. On 0 its
 * results are on top of vm_state(). */
int vm_call(struct vm *vm, lua_CFunction fn, int nargs, struct vm_error *error);
lua_State *vm_state(struct vm *vm);
struct vm *vm_of(lua_State *L);
void *vm_context(lua_State *L);
size_t vm_bytes(const struct vm *vm);

/* Pushes what require(name) gives, loading it if need be; raises as require does. */
void vm_push_module(lua_State *L, const char *name);
/* Pushes the text chunk in the file as a function named after `shown`; raises. */
void vm_push_chunk(lua_State *L, const char *path, const char *shown);

/* The limit on one turn: call around lua_resume. vm_turn_end() returns 1 when the turn was stopped
 * for running too long. */
void vm_turn_begin(struct vm *vm, lua_State *co);
int vm_turn_end(struct vm *vm, lua_State *co);
/* fn() is called, from a signal handler, when a turn does not end long after its limit: it is
 * inside C, where no hook reaches. One slot. */
void vm_on_stuck(void (*fn)(void));
/* Where the last turn that was stopped stood when it was noticed: "scripts/x.lua:3: ". The stack
 * may have been unwound since. */
const char *vm_stopped_at(const struct vm *vm);
/* 1 in a turn: Lua is running now, somewhere up the stack. */
int vm_turning(void);
/* Around what the core does for another coroutine in the middle of a turn: the cap rests. */
void vm_turn_pause(struct vm *vm);
void vm_turn_continue(struct vm *vm);

/* An empty coroutine to run something on. */
lua_State *vm_thread_take(struct vm *vm);
/* For one that did not end well: runs what is to be closed, under the limits. `stopped`: by
 * vm_turn_end(). Returns as lua_resetthread() does. */
int vm_thread_close(struct vm *vm, lua_State *co, int stopped);
/* The coroutine back, when it has ended or is closed. */
void vm_thread_give(struct vm *vm, lua_State *co);
#endif
