/* Any status and any body as the answer to each call that the portal makes. */
#include "fuzz_lua.h"
#include "fuzz_shape.h"

FUZZ_LUA("tests/fuzz/dokploy_fuzz.lua")
