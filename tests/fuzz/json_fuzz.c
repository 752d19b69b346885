/* Any bytes as JSON: core.json reads them or refuses them with a position (json_fuzz.lua). */
#include "fuzz_lua.h"

FUZZ_LUA("tests/fuzz/json_fuzz.lua")
