/* The guard and evhttp read the same bytes in the same way: both find the same requests, and evhttp
 * never has to refuse one by itself. */
#include "fuzz_net.h"
#include "guard.h"

static unsigned requests;

static void on_request(struct httpd_request *request, void *arg)
{
    (void)arg;
    requests++;
    httpd_reply(request, 200, NULL, "ok", 2);
}

FUZZ_START()
{
    net_start(on_request);
}

/* What the guard alone reads. */
struct reading {
    unsigned nrequests;
    int is_refused;
};

static struct reading read_alone(const uint8_t *data, size_t size)
{
    static const struct guard_limits limits = {
        .head_bytes = 16384, .target_bytes = 8192, .fields = 100, .body_bytes = 65536
    };
    struct guard guard;
    struct guard_request *request;
    struct reading reading = { 0 };
    char *bytes = fuzz_text(data, size);

    guard_init(&guard, &limits);
    guard_feed(&guard, bytes, size);
    for (; (request = guard_take(&guard)); reading.nrequests++)
        guard_request_free(request);
    reading.is_refused = guard.refusal.status != 0;
    guard_fini(&guard);
    free(bytes);
    return reading;
}

static unsigned count(const char *text)
{
    unsigned found = 0;
    for (const char *at = net_answer; (at = strstr(at, text)); at++)
        found++;
    return found;
}

/* 204 is the answer to "OPTIONS *", which no handler sees. */
static int all_came(const struct reading *reading)
{
    return requests + count("HTTP/1.1 204 ") >= reading->nrequests &&
           (!reading->is_refused || strstr(net_answer, "\"status\":"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading reading = read_alone(data, size);
    int64_t end = loop_now_ms() + NET_PATIENCE_MS;
    int fd = net_connect(), open = 1;
    requests = 0;
    net_answer_len = 0;
    net_answer[0] = '\0';
    net_send_in_pieces(fd, data, size);
    while ((open = net_read(fd)) && !all_came(&reading)) {
        net_turn(0);
        FUZZ_CHECK(loop_now_ms() < end && "each request is answered, and a refused one too");
    }
    FUZZ_CHECK(requests <= reading.nrequests);
    FUZZ_CHECK(!strstr(net_answer, "<html") && !strstr(net_answer, "in two ways"));
    FUZZ_CHECK(open || strstr(net_answer, "Connection: close\r\n"));
    close(fd);
    while (httpd_connections(net_httpd) > 0 || httpd_pending(net_httpd) > 0) {
        net_turn(0);
        FUZZ_CHECK(loop_now_ms() < end && "nothing is left of a connection that was closed");
    }
    return 0;
}
