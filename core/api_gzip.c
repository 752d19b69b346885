/* core.gzip: see scripts/meta/gzip.lua. */
#include "api.h"
#include "gzip.h"

#include <lauxlib.h>
#include <stdlib.h>

#define PIECE "core.gzip.piece"

/* gzip.pack(text) -> piece */
static int pack(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct gzip_piece *piece =
        gzip_pack(text, len); /* until it is freed, only a lack of memory raises */
    size_t size = sizeof *piece + piece->len;
    memcpy(lua_newuserdatauv(L, size, 0), piece, size);
    free(piece);
    luaL_setmetatable(L, PIECE);
    return 1;
}

/* All items are checked before anything is held that an error would leak. */
static lua_Integer check_items(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer n = luaL_len(L, 1);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, 1, i);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING || luaL_testudata(L, -1, PIECE), 1,
                      "a list of texts and of what gzip.pack returned");
        lua_pop(L, 1);
    }
    return n;
}

/* gzip.join(list of pieces and texts) -> gzip file */
static int join(lua_State *L)
{
    struct gzip_stream stream;
    lua_Integer n = check_items(L);
    gzip_begin(&stream);
    for (lua_Integer i = 1; i <= n; i++, lua_pop(L, 1)) {
        size_t len;
        lua_rawgeti(L, 1, i);
        const char *text = lua_tolstring(L, -1, &len);
        if (text)
            gzip_store(&stream, text, len);
        else
            gzip_add(&stream, lua_touserdata(L, -1));
    }
    gzip_end(&stream);
    lua_pushlstring(L, stream.out.data, stream.out.len);
    bytes_free(&stream.out);
    return 1;
}

int api_gzip_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "pack", pack }, { "join", join }, { NULL, NULL } };
    luaL_newmetatable(L, PIECE);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
