/* Any bytes as JSON: core.json reads them or refuses them with a position (json_fuzz.lua). */
#include "fuzz_lua.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    fuzz_lua_open("tests/fuzz/json_fuzz.lua");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_lua_call(data, size);
    lua_settop(fuzz_L, 2);
    return 0;
}
