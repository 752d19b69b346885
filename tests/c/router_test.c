#include "router.h"
#include "test.h"

static struct router *router;
static struct router_match match;

SET_UP()
{
    router = router_new();
}

TEAR_DOWN()
{
    router_free(router);
}

static void add(const char *method, const char *pattern, int value)
{
    const char *wrong = router_add(router, method, pattern, value);
    if (wrong) fail_msg("%s %s: %s", method, pattern, wrong);
}

static void finds(const char *method, const char *path, int value)
{
    enum router_result result = router_find(router, method, path, &match);
    if (result != ROUTER_FOUND || match.value != value)
        fail_msg("%s %s: result %d, value %d", method, path, result, match.value);
}

static void result_is(const char *method, const char *path, enum router_result wanted)
{
    enum router_result result = router_find(router, method, path, &match);
    if (result != wanted) fail_msg("%s %s: result %d, not %d", method, path, result, wanted);
}

static void param_is(int i, const char *name, const char *value)
{
    assert_true(i < match.nparams);
    assert_string_equal(match.params[i].name, name);
    assert_string_equal(match.params[i].value, value);
    assert_int_equal(match.params[i].len, strlen(value));
}

TEST_GROUP("router", FIXTURE);

TEST(literals)
{
    add("GET", "/", 1);
    add("GET", "/health", 2);
    add("GET", "/api/stacks", 3);
    finds("GET", "/", 1);
    finds("GET", "/health", 2);
    finds("GET", "/api/stacks", 3);
    assert_int_equal(match.nparams, 0);
    EACH (none, "/healt", "/healthy", "/health/", "//health", "/api", "/api/", "/api/stacks/x",
          "/HEALTH", "/%68ealth")
        result_is("GET", none, ROUTER_NO_PATH);
}

TEST(params)
{
    add("GET", "/api/check/:name", 1);
    add("POST", "/api/stack/:name/do/:what", 2);
    finds("GET", "/api/check/my-name", 1);
    param_is(0, "name", "my-name");
    finds("POST", "/api/stack/a/do/b%20c", 2);
    param_is(0, "name", "a");
    param_is(1, "what", "b c");
    result_is("GET", "/api/check/", ROUTER_NO_PATH);
    result_is("GET", "/api/check", ROUTER_NO_PATH);
    result_is("GET", "/api/check/a/b", ROUTER_NO_PATH);
}

TEST(rest)
{
    add("*", "/files/*rest", 1);
    finds("PUT", "/files/a/b%20/c", 1);
    param_is(0, "rest", "a/b /c");
    finds("GET", "/files/", 1);
    param_is(0, "rest", "");
    result_is("GET", "/files", ROUTER_NO_PATH);
    finds("GET", "/files/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18", 1);
    param_is(0, "rest", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18");
}

TEST(decoded_once)
{
    add("GET", "/:name", 1);
    finds("GET", "/%2541+%41", 1);
    param_is(0, "name", "%41+A");
    finds("GET", "/caf%C3%A9", 1);
    param_is(0, "name", "caf\xC3\xA9");
}

TEST(bad_paths)
{
    add("GET", "/:name", 1);
    add("GET", "/a/*rest", 2);
    EACH (bad, "/a%00b", "/%00", "/a%2fb", "/a%2Fb", "/a%zz", "/a%", "/a%4", "/.", "/..", "/a/../b",
          "/%2e%2E", "/.%2e", "/%ff", "/%c0%af", "/%ed%a0%80", "/%f5%80%80%80")
        result_is("GET", bad, ROUTER_BAD);
    finds("GET", "/...", 1);
    finds("GET", "/.x", 1);
}

TEST(exact_pattern_goes_first)
{
    add("GET", "/*rest", 1);
    add("GET", "/api/*rest", 2);
    add("GET", "/api/:name", 3);
    add("GET", "/api/list", 4);
    add("GET", "/api/:name/:part", 5);
    finds("GET", "/api/list", 4);
    finds("GET", "/api/x", 3);
    finds("GET", "/api/x/y", 5);
    finds("GET", "/api/x/y/z", 2);
    finds("GET", "/other", 1);
    finds("GET", "/", 1);
}

TEST(methods)
{
    add("GET", "/x", 1);
    add("POST", "/x", 2);
    add("DELETE", "/:y", 3);
    add("POST", "/y/:z", 4);
    finds("POST", "/x", 2);
    finds("HEAD", "/x", 1);
    finds("DELETE", "/x", 3); /* the exact pattern has no such method, the other has */
    result_is("PUT", "/x", ROUTER_NO_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, POST, DELETE, OPTIONS");
    result_is("GET", "/y/1", ROUTER_NO_METHOD);
    assert_string_equal(match.allow, "POST, OPTIONS");
    result_is("HEAD", "/y/1", ROUTER_NO_METHOD);
    add("HEAD", "/x", 5);
    finds("HEAD", "/x", 5);
    add("*", "/any", 6);
    finds("PATCH", "/any", 6);
}

TEST(refused_patterns)
{
    EACH (pattern, "x", "", "/:", "/:Name", "/:a-b", "/*rest/x")
        assert_non_null(router_add(router, "GET", pattern, 1));
    assert_non_null(router_add(router, "get", "/x", 1));
    assert_non_null(router_add(router, "", "/x", 1));
    assert_non_null(router_add(router, "GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", 1));
    assert_non_null(router_add(router, "GET", "/:a/:b/:c/:d/:e/:f/:g/:h/:i", 1));
    assert_null(router_add(router, "GET", "/x/:y", 1));
    assert_non_null(router_add(router, "GET", "/x/:y", 2));
    assert_null(router_add(router, "POST", "/x/:y", 2));
}

TEST(long_path)
{
    char path[ROUTER_TEXT + 64];
    add("GET", "/:name", 1);
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    result_is("GET", path, ROUTER_BAD);
    path[ROUTER_TEXT] = '\0';
    finds("GET", path, 1);
    assert_int_equal(match.params[0].len, ROUTER_TEXT - 1);
}

TEST(decode)
{
    char out[32];
    assert_int_equal(router_decode("a+b%20c%zz%4", 12, 1, out), 10);
    assert_string_equal(out, "a b c%zz%4");
    assert_int_equal(router_decode("a+%00b", 6, 0, out), 4);
    assert_memory_equal(out, "a+\0b", 5);
}
