#include "script_fixture.h"

SCRIPT_GROUP("api_timer")
