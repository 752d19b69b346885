/* JSON from strangers: the checker by itself, and core.json around it. They must agree. */
#include "fuzz_lua.h"
#include "json_check.h"
#include "json_text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    fuzz_lua_open("tests/fuzz/json_fuzz.lua");
    return 0;
}

/* Returns whether it is JSON. What lua-cjson is to get instead must be JSON too, and need no more
 * changes. */
static int check(const uint8_t *data, size_t size)
{
    struct json_check found, again;
    char *text = fuzz_text(data, size), *given;
    int good = json_check(text, size, &found) == 0;

    FUZZ_CHECK(good || (found.error && found.line > 0 && found.column > 0));
    if (good) {
        given = fuzz_text((const uint8_t *)found.text, found.len);
        FUZZ_CHECK(json_check(given, found.len, &again) == 0);
        FUZZ_CHECK(again.text == given);
        free(given);
    }
    free(text);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Only a fuzzer, which sees what bytes are compared with, can know the token. */
    if (memmem(data, size, json_token() + 1, JSON_TOKEN - 1)) return -1;
    int good = check(data, size);

    fuzz_lua_call(data, size);
    FUZZ_CHECK(lua_toboolean(fuzz_L, -1) == good);
    lua_settop(fuzz_L, 2);
    return 0;
}
