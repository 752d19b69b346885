/* core.text: letters of any language, by libunistring. See scripts/meta/text.lua. */
#include "api.h"
#include <lauxlib.h>
#include <stdlib.h>
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

int api_text_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "plain", plain }, { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
