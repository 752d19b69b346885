/* Any bytes to an httpd whose handler reads all of a request, and answers at once, later, or as a
 * stream. */
#include "fuzz_net.h"
#include "router.h"

static struct httpd_request *later[64];
static int nlater;

static void look_at_text(const char *text)
{
    FUZZ_CHECK(text != NULL);
    for (const char *c = text; *c; c++)
        FUZZ_CHECK((unsigned char)*c > ' ' && *c != 0x7f); /* of a target */
}

static void look_at(struct httpd_request *request)
{
    volatile size_t sum = 0; /* what a sanitizer sees */
    size_t len;
    const char *body = httpd_body(request, &len), *query = httpd_query(request);
    char *out = malloc(strlen(query) + 1);

    look_at_text(httpd_path(request));
    look_at_text(query);
    FUZZ_CHECK(httpd_path(request)[0] == '/' && httpd_path(request)[1] != '/');
    FUZZ_CHECK(strlen(httpd_id(request)) == 16 && strncmp(httpd_peer(request), "127.", 4) == 0);
    FUZZ_CHECK(len <= (size_t)httpd_default_limits.max_body_bytes);
    for (size_t i = 0; i < len; i++)
        sum += (unsigned char)body[i];
    const char *host = httpd_header(request, "host"), *cookie = httpd_header(request, "cookie");
    FUZZ_CHECK(!host || !strpbrk(host, "\r\n ,"));
    FUZZ_CHECK(!cookie || !strpbrk(cookie, "\r\n"));
    sum += router_decode(query, strlen(query), 1, out);
    free(out);
}

static void answer_later(void *arg)
{
    (void)arg;
    while (nlater > 0)
        httpd_reply(later[--nlater], 200, NULL, "late", 4);
}

static void on_close(void *arg)
{
    (void)arg;
}

static void on_request(struct httpd_request *request, void *arg)
{
    (void)arg;
    look_at(request);
    switch (httpd_path(request)[1]) {
    case 'l':
        if (nlater == 0) loop_defer(net_loop, answer_later, NULL);
        httpd_on_close(request, on_close, NULL);
        if (nlater < 64)
            later[nlater++] = request;
        else
            httpd_reply(request, 503, NULL, "", 0);
        break;
    case 's':
        httpd_stream_start(request, 200, NULL, on_close, NULL);
        httpd_stream_write(request, "piece", 5);
        httpd_stream_end(request);
        break;
    case 'c': httpd_cut(request, 200, NULL, "half", 4, 100); break;
    default: httpd_reply(request, 200, NULL, "ok", 2);
    }
}

FUZZ_START()
{
    net_start(on_request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned count;
    net_feed(data, size, NET_PATIENCE_MS);
    FUZZ_CHECK(net_answer_len == 0 || strncmp(net_answer, "HTTP/1.", 7) == 0);
    if (count++ % 256 == 0) net_check_alive();
    return 0;
}
