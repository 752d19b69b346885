#include "router.h"
#include "bytes.h"
#include "http_text.h"
#include "mem.h"

#include <ctype.h>

enum part_kind { LITERAL, PARAM, REST };
struct part {
    enum part_kind kind;
    const char *text; /* into the route's words, or into a path */
    size_t len;
};
struct route {
    char *method, *pattern, *words;
    int value, nparts, has_rest;
    struct part parts[ROUTER_PARTS];
};
struct router {
    int nroutes;
    struct route *routes; /* the more exact first */
};

/* --- text --- */

size_t router_decode(const char *text, size_t len, int plus, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int byte = http_escaped_byte(text + i, len - i);
        if (byte >= 0)
            i += 2;
        else
            byte = plus && text[i] == '+' ? ' ' : text[i];
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return n;
}

/* --- patterns --- */

static int is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!islower((unsigned char)text[i]) && text[i] != '_' &&
            (i == 0 || !isdigit((unsigned char)text[i])))
            return 0;
    return len > 0;
}

/* Splits route->words, in place, into parts. Returns NULL, or what is wrong. */
static const char *compile(struct route *route)
{
    int nparams = 0;
    if (route->words[0] != '/') return "a pattern starts with /";
    for (char *slash = route->words; slash;) {
        char *text = slash + 1;
        slash = strchr(text, '/');
        if (slash) *slash = '\0';
        if (route->nparts == ROUTER_PARTS) return "a pattern has at most 16 parts";
        struct part *part = &route->parts[route->nparts++];
        part->kind = *text == ':' ? PARAM : *text == '*' ? REST : LITERAL;
        part->text = part->kind == LITERAL ? text : text + 1;
        part->len = strlen(part->text);
        if (part->kind == LITERAL) continue;
        if (!is_name(part->text, part->len)) return "a parameter is a lower-case word after : or *";
        route->has_rest = part->kind == REST;
        if (part->kind == REST && slash) return "*rest can only be the last part";
        if (++nparams > ROUTER_PARAMS) return "a pattern has at most 8 parameters";
    }
    return NULL;
}

static const char *check(const struct router *router, const struct route *route)
{
    for (int i = 0; i < router->nroutes; i++)
        if (strcmp(router->routes[i].pattern, route->pattern) == 0 &&
            strcmp(router->routes[i].method, route->method) == 0)
            return "this method and pattern have a route already";
    if (strcmp(route->method, "*") == 0) return NULL;
    for (const char *c = route->method; *c; c++)
        if (!isupper((unsigned char)*c)) return "a method is a word in upper case, or *";
    return route->method[0] ? NULL : "a method is a word in upper case, or *";
}

/* Below 0 when `one` is the more exact, so that it must be tried first. */
static int compare(const struct route *one, const struct route *other)
{
    for (int i = 0; i < one->nparts && i < other->nparts; i++)
        if (one->parts[i].kind != other->parts[i].kind)
            return (int)one->parts[i].kind - (int)other->parts[i].kind;
    return one->nparts - other->nparts;
}

static void clear(struct route *route)
{
    free(route->method);
    free(route->pattern);
    free(route->words);
}

struct router *router_new(void)
{
    return mem_new(1, sizeof(struct router));
}

void router_free(struct router *router)
{
    if (!router) return;
    for (int i = 0; i < router->nroutes; i++)
        clear(&router->routes[i]);
    free(router->routes);
    free(router);
}

static void insert(struct router *router, const struct route *route)
{
    int at = router->nroutes++;
    router->routes = mem_grow(router->routes, (size_t)router->nroutes, sizeof *route);
    for (; at > 0 && compare(route, &router->routes[at - 1]) < 0; at--)
        router->routes[at] = router->routes[at - 1];
    router->routes[at] = *route;
}

const char *router_add(struct router *router, const char *method, const char *pattern, int value)
{
    struct route route = { .method = mem_text(method),
                           .pattern = mem_text(pattern),
                           .words = mem_text(pattern),
                           .value = value };
    const char *wrong = compile(&route);
    if (!wrong) wrong = check(router, &route);
    if (wrong)
        clear(&route);
    else
        insert(router, &route);
    return wrong;
}

/* --- finding --- */

static int is_dots(const char *text, size_t len)
{
    char plain[8];
    return len > 0 && len <= 6 && router_decode(text, len, 0, plain) <= 2 &&
           (strcmp(plain, ".") == 0 || strcmp(plain, "..") == 0);
}

/* Splits the path. Returns the number of parts, of which one more than ROUTER_PARTS are kept; -1
 * when the path is bad. */
static int split(const char *path, struct part parts[ROUTER_PARTS + 1])
{
    int n = 0;
    for (const char *c = strchr(path, '%'); c; c = strchr(c + 1, '%')) {
        int byte = http_escaped_byte(c, strlen(c));
        if (byte <= 0 || byte == '/') return -1;
    }
    for (const char *slash = path; *slash == '/'; n++) {
        const char *text = slash + 1;
        size_t len = strcspn(text, "/");
        if (is_dots(text, len)) return -1;
        if (n <= ROUTER_PARTS) parts[n] = (struct part){ .text = text, .len = len };
        slash = text + len;
    }
    return n;
}

static int has_parts(const struct route *route, int n)
{
    return route->has_rest ? n >= route->nparts : n == route->nparts;
}

static int fits(const struct route *route, const struct part *parts, int n)
{
    if (!has_parts(route, n)) return 0;
    for (int i = 0; i < route->nparts - route->has_rest; i++) {
        const struct part *part = &route->parts[i];
        int is_fit = part->kind == PARAM ? parts[i].len > 0
                                         : parts[i].len == part->len &&
                                               memcmp(parts[i].text, part->text, part->len) == 0;
        if (!is_fit) return 0;
    }
    return 1;
}

/* Decodes the parameters into match->text. Returns 0 when one is bad. */
static int read_params(const struct route *route, const struct part *parts,
                       struct router_match *match)
{
    size_t used = 0;
    match->nparams = 0;
    for (int i = 0; i < route->nparts; i++) {
        if (route->parts[i].kind == LITERAL) continue;
        size_t len = route->parts[i].kind == REST ? strlen(parts[i].text) : parts[i].len;
        if (used + len + 1 > sizeof match->text) return 0;
        struct router_param *param = &match->params[match->nparams++];
        param->name = route->parts[i].text;
        param->value = match->text + used;
        param->len = router_decode(parts[i].text, len, 0, match->text + used);
        if (!bytes_is_utf8(param->value, param->len)) return 0;
        used += param->len + 1;
    }
    return 1;
}

static void allow(struct router_match *match, const char *method)
{
    size_t used = strlen(match->allow), len = strlen(method);
    const char *seen = strstr(match->allow, method);
    if ((seen && (seen[len] == ',' || !seen[len])) || used + len + 3 > sizeof match->allow) return;
    if (used > 0) strcat(match->allow, ", ");
    strcat(match->allow, method);
    if (strcmp(method, "GET") == 0) allow(match, "HEAD");
}

static const struct route *find(const struct router *router, const char *method,
                                const struct part *parts, int n)
{
    for (int i = 0; i < router->nroutes; i++) {
        const struct route *route = &router->routes[i];
        if (fits(route, parts, n) &&
            (strcmp(route->method, method) == 0 || strcmp(route->method, "*") == 0))
            return route;
    }
    return NULL;
}

enum router_result router_find(const struct router *router, const char *method, const char *path,
                               struct router_match *match)
{
    struct part parts[ROUTER_PARTS + 1];
    int n = split(path, parts);
    match->allow[0] = '\0';
    if (n < 0) return ROUTER_BAD;
    const struct route *route = find(router, method, parts, n);
    if (!route && strcmp(method, "HEAD") == 0) route = find(router, "GET", parts, n);
    if (route) {
        match->value = route->value;
        return read_params(route, parts, match) ? ROUTER_FOUND : ROUTER_BAD;
    }
    for (int i = 0; i < router->nroutes; i++)
        if (fits(&router->routes[i], parts, n)) allow(match, router->routes[i].method);
    if (!match->allow[0]) return ROUTER_NO_PATH;
    allow(match, "OPTIONS");
    return ROUTER_NO_METHOD;
}
