/* vm_chunks: the product's own scripts in compiled form, so that a load after the first need not
 * compile what has not changed. Loop thread.
 *
 * They are kept in this process's memory only: bytecode from anywhere else could corrupt it, as Lua
 * does not verify it. They hold line numbers, for messages and tracebacks. */
#ifndef VM_CHUNKS_H
#define VM_CHUNKS_H
#include <lua.h>

/* Keeps chunks from now on. Before, vm_chunk_load() only compiles, because a portal that is never
 * edited needs each once. A load from kept chunks takes 42 ms of processor time instead of 66,
 * measured on a busy machine. */
void vm_chunks_keep(void);
/* Pushes the function of a script's text and returns LUA_OK; or pushes a message and returns
 * another status. `name` is that of the file, "@scripts/init.lua". Refuses bytecode. */
int vm_chunk_load(lua_State *L, const char *text, size_t len, const char *name);
#endif
