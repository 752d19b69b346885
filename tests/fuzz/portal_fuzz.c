/* Any bytes to the portal with its real scripts: nothing may be answered with 500. `@KEY`, `@CSRF`
 * and `@ID` are replaced by an owner's key, that owner's form token, and the id of a deployment
 * made at the start; `@LEN` by the number of bytes behind the head. Dokploy is unreachable. */
#include "api.h"
#include "api_script_version.h"
#include "fetch.h"
#include "fuzz_net.h"
#include "limiter.h"
#include "log.h"
#include "secret.h"
#include "shared.h"
#include "sse.h"
#include "store.h"
#include "www.h"

static struct core core;
static struct server server;
static struct settings settings;
static char folder[] = "/tmp/portal_fuzz.XXXXXX", key[128], csrf[256], id[64];
static int shown; /* FUZZ_SHOW=1 prints the answers */

static void clear(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) fprintf(stderr, "%s stays behind\n", folder);
}

static void carry(void *loop, void (*fn)(void *arg), void *arg)
{
    loop_post(loop, fn, arg);
}

static void open_parts(void)
{
    char path[64], *message = NULL;
    snprintf(path, sizeof path, "%s/secret", folder);
    FUZZ_CHECK(secret_open(path, &message) == 0);
    snprintf(path, sizeof path, "%s/journal.db", folder);
    core.store = store_open(path, carry, core.loop, &message);
    core.www = www_load("www", "/assets/", NULL, &message);
    core.fetch = fetch_pool_new(core.loop, 64);
    core.sse = sse_new(core.loop);
    core.httpd = net_httpd = httpd_new(core.loop, NULL, api_request_serve, &server);
    FUZZ_CHECK(core.store && core.www && core.fetch && core.sse && core.httpd);
}

static void on_started(const char *message, void *arg)
{
    (void)arg;
    if (message) fprintf(stderr, "%s\n", message);
    FUZZ_CHECK(!message);
    net_port = httpd_listen(net_httpd, "127.0.0.1", 0);
}

static void start(void)
{
    struct vm_error error;
    core = (struct core){ .loop = net_loop = loop_new(),
                          .shared = shared_new(),
                          .limiter = limiter_new(4096) };
    core.server = &server;
    core.settings = &settings;
    settings.root = ".";
    server = (struct server){ .core = &core,
                              .modules = api_modules,
                              .root = ".",
                              .init = "init.lua",
                              .started_at = api_clock() };
    struct script_version *version = script_version_new(&server, &settings, NULL, &error);
    if (!version) fprintf(stderr, "%s: %s\n", error.file, error.message);
    FUZZ_CHECK(version);
    settings = version->settings;
    open_parts();
    if (script_version_load(version, &error) != 0)
        fprintf(stderr, "%s:%d: %s\n", error.file, error.line, error.message), exit(2);
    script_version_activate(version);
    script_version_start(server.current, on_started, NULL);
    while (!net_port)
        net_turn(1);
}

/* The text of a field in the answer's JSON. */
static void find_field(const char *name, char *to, size_t room)
{
    char mark[32];
    snprintf(mark, sizeof mark, "\"%s\":\"", name);
    const char *at = strstr(net_answer, mark);
    if (!at) fprintf(stderr, "%s\n", net_answer);
    FUZZ_CHECK(at);
    at += strlen(mark);
    snprintf(to, room, "%.*s", (int)strcspn(at, "\""), at);
}

static void ask(const char *request)
{
    net_feed((const uint8_t *)request, strlen(request), NET_PATIENCE_MS);
}

static void deploy(void)
{
    char request[256];
    ask("POST /api/deploy HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "application/json\r\nContent-Length: 15\r\n\r\n{\"name\":\"anna\"}");
    find_field("ownerKey", key, sizeof key);
    find_field("deploymentId", id, sizeof id);
    snprintf(request, sizeof request,
             "GET /api/owner HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-owner=%s\r\n\r\n", key);
    ask(request);
    find_field("csrf", csrf, sizeof csrf);
}

FUZZ_START()
{
    log_init(STDERR_FILENO, LOG_ERROR);
    FUZZ_CHECK(mkdtemp(folder));
    atexit(clear);
    setenv("DATA_DIR", folder, 1);
    setenv("DOKPLOY_URL", "http://127.0.0.1:9", 1);
    setenv("DOKPLOY_API_TOKEN", "token", 1);
    setenv("ADMIN_TOKEN", "0123456789abcdef0123456789abcdef", 1);
    setenv("STACK_DOMAIN_SUFFIX", "example.com", 1);
    setenv("STACK_IMAGE", "example/stack:1", 1);
    setenv("TRUSTED_PROXIES", "127.1.0.0/16", 1);
    setenv("NODE_ENV", "test", 1);
    setenv("ACCESS", "open", 1);
    setenv("LOG_LEVEL", "error", 1);
    start();
    deploy();
    shown = getenv("FUZZ_SHOW") != NULL;
}

/* Replaces each `mark` by `text`. Returns the new size. */
static size_t put_in(char **bytes, size_t size, const char *mark, const char *text)
{
    size_t mark_len = strlen(mark), len = strlen(text);
    for (char *at = *bytes;
         (at = memmem(at, size - (size_t)(at - *bytes), mark, mark_len)) != NULL;) {
        size_t before = (size_t)(at - *bytes), after = size - before - mark_len;
        char *whole = malloc(before + len + after + 1);
        memcpy(whole, *bytes, before);
        memcpy(whole + before, text, len);
        memcpy(whole + before + len, at + mark_len, after);
        free(*bytes);
        *bytes = whole;
        at = whole + before + len;
        size = before + len + after;
    }
    return size;
}

/* A status line is at the start of the answers or behind a body; inside a body it may be an echo.
 */
static int has_failed(void)
{
    static const char line[] = "HTTP/1.1 500 ";
    const char *at = net_answer;
    while ((at = strstr(at, line)) && at != net_answer && at[-1] != '}' && at[-1] != '\n')
        at += sizeof line - 1;
    return at != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned count;
    char *bytes = fuzz_text(data, size), len[24];
    size = put_in(&bytes, size, "@KEY", key);
    size = put_in(&bytes, size, "@CSRF", csrf);
    size = put_in(&bytes, size, "@ID", id);
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);
    snprintf(len, sizeof len, "%zu", end ? size - (size_t)(end + 4 - bytes) : 0);
    size = put_in(&bytes, size, "@LEN", len);
    net_feed((const uint8_t *)bytes, size, 300);
    free(bytes);
    if (shown || has_failed()) fprintf(stderr, "%s\n", net_answer);
    FUZZ_CHECK(!has_failed());
    if (count++ % 256 == 0) net_check_alive();
    return 0;
}
