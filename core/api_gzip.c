/* core.gzip: pages whose fixed parts are compressed once. */
#include "api.h"
#include "gzip.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define PIECE "core.gzip.piece"

static int pack(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct gzip_piece *piece =
        gzip_pack(text, len); /* nothing raises until it is freed, but for want of memory */
    size_t size = sizeof *piece + piece->len;
    memcpy(lua_newuserdatauv(L, size, 0), piece, size);
    free(piece);
    luaL_setmetatable(L, PIECE);
    return 1;
}

static void add_item(lua_State *L, struct gzip_stream *stream)
{
    size_t len;
    const struct gzip_piece *piece = luaL_testudata(L, -1, PIECE);
    const char *text = piece ? NULL : lua_tolstring(L, -1, &len);
    if (piece) gzip_add(stream, piece);
    if (text) gzip_store(stream, text, len);
}

/* [1] a list of pieces and texts. */
static int join(lua_State *L)
{
    struct gzip_stream stream;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer n = luaL_len(L, 1);
    for (lua_Integer i = 1; i <= n;
         i++) { /* all are looked at before anything is held that an error would lose */
        lua_rawgeti(L, 1, i);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING || luaL_testudata(L, -1, PIECE), 1,
                      "a list of texts and of what gzip.pack gave");
        lua_pop(L, 1);
    }
    gzip_begin(&stream);
    for (lua_Integer i = 1; i <= n; i++, lua_pop(L, 1)) {
        lua_rawgeti(L, 1, i);
        add_item(L, &stream);
    }
    gzip_end(&stream);
    lua_pushlstring(L, (const char *)stream.bytes, stream.len);
    free(stream.bytes);
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
