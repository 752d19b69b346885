/* Paths and queries: the router with patterns of each kind, and the decoder. */
#include "fuzz.h"
#include "router.h"
#include "bytes.h"

static struct router *router;

static void add(const char *method, const char *pattern)
{
    static int nroutes;
    FUZZ_CHECK(router_add(router, method, pattern, nroutes++) == NULL);
}

FUZZ_START()
{
    router = router_new();
    add("GET", "/");
    add("GET", "/health");
    add("GET", "/api/check/:name");
    add("POST", "/api/status/:id/cancel");
    add("GET", "/api/status/:id");
    add("*", "/api/:a/:b/:c/:d/:e/:f/:g");
    add("DELETE", "/api/stack/:name");
    add("GET", "/files/*rest");
}

static void check_param(const struct router_match *match, const struct router_param *param)
{
    const char *end = param->value + param->len;
    FUZZ_CHECK(param->value >= match->text && end < match->text + sizeof match->text &&
               *end == '\0');
    FUZZ_CHECK(strlen(param->value) == param->len); /* no NUL got in */
    for (const char *at = param->value; at < end; at += bytes_utf8_length(at, end))
        FUZZ_CHECK(bytes_utf8_length(at, end) > 0);
    if (strcmp(param->name, "rest") == 0) return;
    FUZZ_CHECK(param->len > 0 && !strchr(param->value, '/') && strcmp(param->value, "..") != 0 &&
               strcmp(param->value, ".") != 0);
}

static void find(const char *method, const char *path)
{
    struct router_match match;
    if (router_find(router, method, path, &match) != ROUTER_FOUND) return;
    FUZZ_CHECK(match.value >= 0 && match.value < 8 && match.nparams <= ROUTER_PARAMS);
    for (int i = 0; i < match.nparams; i++)
        check_param(&match, &match.params[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = fuzz_text(data, size), *out = malloc(size + 1);
    find("GET", path);
    find("POST", path);
    find("DELETE", path);
    FUZZ_CHECK(router_decode(path, size, 1, out) <= size);
    FUZZ_CHECK(router_decode(path, size, 0, out) <= size);
    free(out);
    free(path);
    return 0;
}
