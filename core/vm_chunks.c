#include "vm_chunks.h"
#include "bytes.h"
#include "hash.h"
#include "mem.h"

#include <lauxlib.h>

struct chunk {
    uint64_t name, text; /* hashes; one that holds another text now is compiled again */
    struct bytes code;
};

static struct {
    int is_kept;
    struct chunk *list;
    size_t count;
} chunks;

void vm_chunks_keep(void)
{
    chunks.is_kept = 1;
}

static struct chunk *find_or_add(const char *name)
{
    uint64_t hash = hash_text(name);
    for (size_t i = 0; i < chunks.count; i++)
        if (chunks.list[i].name == hash) return &chunks.list[i];
    chunks.list = mem_grow(chunks.list, chunks.count + 1, sizeof *chunks.list);
    chunks.list[chunks.count] = (struct chunk){ .name = hash };
    return &chunks.list[chunks.count++];
}

static int append(lua_State *L, const void *code, size_t len, void *bytes)
{
    bytes_add(bytes, code, len);
    return 0;
}

int vm_chunk_load(lua_State *L, const char *text, size_t len, const char *name)
{
    if (!chunks.is_kept) return luaL_loadbufferx(L, text, len, name, "t");
    struct chunk *chunk = find_or_add(name);
    uint64_t hash = hash_bytes(text, len);
    if (chunk->code.len && chunk->text == hash)
        return luaL_loadbufferx(L, chunk->code.data, chunk->code.len, name, "b");
    int status = luaL_loadbufferx(L, text, len, name, "t");
    if (status != LUA_OK) return status;
    chunk->text = hash;
    bytes_free(&chunk->code);
    lua_dump(L, append, &chunk->code, 0);
    return LUA_OK;
}
