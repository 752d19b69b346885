#include "script_fixture.h"

static int set_up(void **state)
{
    script_open();
    return 0;
}

static int tear_down(void **state)
{
    script_close();
    return 0;
}

#define CASE(name) SCRIPT_CASE("api_json", name)

static const struct CMUnitTest tests[] = {
    CASE(numbers),      CASE(numbers_written), CASE(arrays_and_objects),
    CASE(unencodable),  CASE(strings),         CASE(invalid_json),
    CASE(scalars),      CASE(exact_values),    CASE(limits),
    CASE(random_values)
};

TEST_GROUP(api_json, tests, NULL, NULL)
