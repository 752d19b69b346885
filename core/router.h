/* router: from method and path to a number. Patterns are "/api/check/:name" (one part, not empty)
 * and "/files/" with a last "*rest" (all that follows).
 *
 * Literal parts are compared with the raw path; parameters are decoded, once. A path with %00, %2f,
 * a broken escape, a parameter that is not UTF-8, or a part "." or ".." is bad. Where several
 * patterns match, a literal part goes before a parameter, a parameter before the rest. */
#ifndef ROUTER_H
#define ROUTER_H
#include <stddef.h>

struct router;
enum { ROUTER_PARTS = 16, ROUTER_PARAMS = 8, ROUTER_TEXT = 4096 };
enum router_result { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD, ROUTER_BAD };

struct router_param {
    const char *name, *value;
    size_t len;
};
struct router_match {
    int value;
    int nparams;
    struct router_param params[ROUTER_PARAMS];
    char allow[128];        /* ROUTER_NO_METHOD: "GET, HEAD, OPTIONS" */
    char text[ROUTER_TEXT]; /* what the parameters point into */
};

struct router *router_new(void);
void router_free(struct router *router);
/* Method "*" is any. Returns NULL, or a sentence that says what is wrong. */
const char *router_add(struct router *router, const char *method, const char *pattern, int value);
/* HEAD finds GET where it has no route of its own. The caller answers OPTIONS without a route. */
enum router_result router_find(const struct router *router, const char *method, const char *path,
                               struct router_match *match);
/* Decodes %XX (and + as a space, when asked) into `out`, which has room for len + 1; a broken
 * escape stays as it is. Returns the length. */
size_t router_decode(const char *text, size_t len, int plus, char *out);
#endif
