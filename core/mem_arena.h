/* mem_arena: memory that is taken bit by bit and given back at once. Does not fail, as mem.h does
 * not. Any thread, one at a time. Floor 0.
 */
#ifndef MEM_ARENA_H
#define MEM_ARENA_H
#include "mem.h"

struct arena_block {
    struct arena_block *older;
    char *next, *end; /* of what is free in it */
    _Alignas(8) char bytes[];
};

struct arena {
    struct arena_block *newest;
};

/* Where an arena stood: what was taken later can be given back. */
struct arena_mark {
    struct arena_block *newest;
    char *next;
};

/* The address sanitizer sees more when each thing is malloc's. */
#ifdef __SANITIZE_ADDRESS__
enum { ARENA_BLOCK = 0, ARENA_ALIGN = 8 };
#else
enum { ARENA_BLOCK = 4000, ARENA_ALIGN = 8 };
#endif

static inline void arena_grow(struct arena *arena, size_t bytes)
{
    size_t room = bytes > ARENA_BLOCK ? bytes : ARENA_BLOCK;
    struct arena_block *block = mem_grow(NULL, sizeof *block + room, 1);
    block->older = arena->newest;
    block->next = block->bytes;
    block->end = block->next + room;
    arena->newest = block;
}

/* Not zeroed; fit for anything of a machine word's alignment. */
static inline void *arena_take(struct arena *arena, size_t bytes)
{
    bytes = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (!arena->newest || (size_t)(arena->newest->end - arena->newest->next) < bytes)
        arena_grow(arena, bytes);
    void *taken = arena->newest->next;
    arena->newest->next += bytes;
    return taken;
}

/* A copy with a NUL behind it. */
static inline char *arena_copy(struct arena *arena, const void *bytes, size_t len)
{
    char *copy = arena_take(arena, len + 1);
    if (len) memcpy(copy, bytes, len);
    copy[len] = 0;
    return copy;
}

static inline struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){ arena->newest, arena->newest ? arena->newest->next : NULL };
}

/* Gives back what was taken since. */
static inline void arena_back(struct arena *arena, struct arena_mark mark)
{
    while (arena->newest != mark.newest) {
        struct arena_block *block = arena->newest;
        arena->newest = block->older;
        free(block);
    }
    if (arena->newest) arena->newest->next = mark.next;
}
#endif
