/* core.text: letters of any language, by libunistring, and lists of header fields. See
 * scripts/meta/text.lua. */
#include "api.h"
#include "http_text.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

/* Removes the marks, such as accents, from decomposed text, in place. Returns its length. */
static size_t remove_marks(uint8_t *text, size_t len)
{
    size_t kept = 0;
    ucs4_t letter;
    for (size_t at = 0, size; at < len; at += size) {
        size = (size_t)u8_mbtouc(&letter, text + at, len - at);
        if (uc_is_general_category(letter, UC_MARK)) continue;
        for (size_t i = 0; i < size; i++)
            text[kept++] = text[at + i];
    }
    return kept;
}

static int plain(lua_State *L)
{
    size_t len;
    const uint8_t *text = (const uint8_t *)luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, !u8_check(text, len), 1, "UTF-8 expected");
    uint8_t *folded = u8_casefold(text, len, NULL, UNINORM_NFKD, NULL, &len);
    if (!folded) return luaL_error(L, "no memory for text");
    lua_pushlstring(L, (char *)folded, remove_marks(folded, len));
    free(folded);
    return 1;
}

/* A list with a NUL, which no header field can hold, ends there. */
static int weighted(lua_State *L)
{
    const char *list = luaL_checkstring(L, 1);
    struct http_weighted item;
    lua_newtable(L);
    for (lua_Integer n = 1; http_weighted_next(&list, &item); n++) {
        luaL_Buffer name;
        lua_createtable(L, 0, 2);
        char *lower = luaL_buffinitsize(L, &name, item.len);
        memcpy(lower, item.name, item.len);
        http_lower(lower, item.len);
        luaL_pushresultsize(&name, item.len);
        lua_setfield(L, -2, "name");
        lua_pushnumber(L, item.weight / 1000.0);
        lua_setfield(L, -2, "weight");
        lua_rawseti(L, -2, n);
    }
    return 1;
}

static int weight(lua_State *L)
{
    const char *list = luaL_optstring(L, 1, NULL);
    int found = list ? http_weight(list, luaL_checkstring(L, 2)) : 1000;
    lua_pushnumber(L, found > 0 ? found / 1000.0 : 0);
    return 1;
}

int api_text_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "plain", plain }, { "weight", weight }, { "weighted", weighted }, { NULL, NULL }
    };
    luaL_newlib(L, functions);
    return 1;
}
