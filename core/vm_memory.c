#include "vm_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The address sanitizer sees more when each block is malloc's. */
#ifdef __SANITIZE_ADDRESS__
enum { STRETCH = 0 };
#else
enum { STRETCH = 16 << 20 };
#endif

/* The stretch takes memory only as it is used; big pages would take it ahead. */
void vm_memory_init(struct vm_memory *memory, size_t max_bytes)
{
    void *start = STRETCH ? mmap(NULL, STRETCH, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                          : MAP_FAILED;

    *memory = (struct vm_memory){ .max_bytes = max_bytes };
    if (start == MAP_FAILED) return;
    madvise(start, STRETCH, MADV_NOHUGEPAGE);
    memory->start = memory->next = start;
    memory->end = memory->start + STRETCH;
}

void vm_memory_fini(struct vm_memory *memory)
{
    if (memory->start) munmap(memory->start, STRETCH);
}

static size_t rounded(size_t size)
{
    return (size + VM_MEMORY_STEP - 1) / VM_MEMORY_STEP * VM_MEMORY_STEP;
}

static int is_ours(const struct vm_memory *memory, const void *block)
{
    return (const char *)block >= memory->start && (const char *)block < memory->end;
}

static void *get(struct vm_memory *memory, size_t size)
{
    if (size > VM_MEMORY_SMALL) return malloc(size);
    void **list = &memory->dropped[rounded(size) / VM_MEMORY_STEP], *block = *list;
    if (block) {
        memcpy(list, block, sizeof *list); /* a dropped block begins with the next one's address */
        __builtin_prefetch(*list,
                           1); /* dropped long ago: by the time that it is taken it is at hand */
        return block;
    }
    if ((size_t)(memory->end - memory->next) < rounded(size)) return malloc(size);
    block = memory->next;
    memory->next += rounded(size);
    return block;
}

static void put(struct vm_memory *memory, void *block, size_t size)
{
    if (!is_ours(memory, block)) {
        free(block);
        return;
    }
    void **list = &memory->dropped[rounded(size) / VM_MEMORY_STEP];
    memcpy(block, list, sizeof *list);
    *list = block;
}

static void *resize(struct vm_memory *memory, void *block, size_t old_size, size_t size)
{
    int ours = is_ours(memory, block);

    if (ours && rounded(size) == rounded(old_size)) return block;
    if (!ours && size > VM_MEMORY_SMALL) return realloc(block, size);
    void *moved = get(memory, size);
    if (!moved) return NULL;
    memcpy(moved, block, size < old_size ? size : old_size);
    put(memory, block, old_size);
    return moved;
}

void *vm_memory_allocate(void *ud, void *block, size_t old_size, size_t size)
{
    struct vm_memory *memory = ud;

    if (!block) old_size = 0; /* it is a type then */
    if (size == 0) {
        if (block) put(memory, block, old_size);
        memory->bytes -= old_size;
        return NULL;
    }
    if (memory->capped && size > old_size &&
        memory->bytes + (size - old_size) > memory->max_bytes) {
        memory->refused = 1;
        return NULL;
    }
    void *given = block ? resize(memory, block, old_size, size) : get(memory, size);
    if (given) memory->bytes += size - old_size;
    return given;
}
