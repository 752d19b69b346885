/* vm_memory: where a lua_State's blocks come from, and how many bytes it may have. Part of vm.
 *
 * Lua makes and drops many small blocks for each request, and tells the size of each that it drops:
 * so those come from lists, one a size, cut from one stretch of memory that goes back as a whole
 * when the state is closed. The rest, and what finds no room there, is malloc's.
 */
#ifndef VM_MEMORY_H
#define VM_MEMORY_H
#include <stddef.h>

enum { VM_MEMORY_STEP = 16, VM_MEMORY_SMALL = 256 };

struct vm_memory {
    size_t bytes, max_bytes; /* in use; at most, while capped */
    int capped;
    int refused;              /* there was no more under the cap; whoever looks resets it */
    char *start, *next, *end; /* the stretch; what is not cut yet begins at `next` */
    void *dropped[VM_MEMORY_SMALL / VM_MEMORY_STEP + 1]; /* by size: blocks to be used again */
};

void vm_memory_init(struct vm_memory *memory, size_t max_bytes);
void vm_memory_fini(struct vm_memory *memory);
/* A lua_Alloc; its first argument is the struct vm_memory. */
void *vm_memory_allocate(void *memory, void *block, size_t old_size, size_t size);
#endif
