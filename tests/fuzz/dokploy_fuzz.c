/* Any status and any body as the answer to each call that the portal makes. */
#include "fuzz_lua.h"
#include "fuzz_shape.h"
#include "log.h"

#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    log_init(STDERR_FILENO, LOG_ERROR);
    fuzz_lua_open("tests/fuzz/dokploy_fuzz.lua");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_lua_call(data, size);
    lua_settop(fuzz_L, 2);
    return 0;
}
