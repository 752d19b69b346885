#include "fetch_fixture.h"
#include "fetch_transfer.h"

TEST_GROUP("fetch", FIXTURE, .set_up = serve_all, .tear_down = stop_serving);

TEST(get)
{
    GIVES("", "/hello?secret=1", .method = "GET");
    assert_int_equal(o.status, 200);
    assert_string_equal(o.body, "hello");
    assert_int_equal(o.body_len, 5);
    assert_contains(o.head, "x-mixed-case: Value\n");
    assert_int_equal(o.sent, 1);
    assert_int_equal(o.verified, 0);
    assert_true(o.elapsed_us > 0);
}

TEST(methods_and_bodies)
{
    const char *headers[] = { "X-Api-Key: abc", "X-Empty:", "Content-Type: application/json",
                              NULL };
    FETCH("/echo", .method = "POST", .headers = headers, .body = "{\"a\":1}", .body_len = 7);
    assert_contains(o.body, "POST /echo HTTP/1.1\r\n", "X-Api-Key: abc\r\n", "X-Empty:\r\n",
                    "Content-Length: 7\r\n", "\r\n\r\n{\"a\":1}");
    assert_lacks(o.body, "Expect");
    FETCH("/echo", .method = "POST");
    assert_contains(o.body, "Content-Length: 0\r\n");
    assert_lacks(o.body, "Content-Type");
    FETCH("/echo", .method = "DELETE");
    assert_contains(o.body, "DELETE /echo HTTP/1.1\r\n");
    FETCH("/echo", .method = "PATCH", .body = "x", .body_len = 1);
    assert_contains(o.body, "PATCH /echo HTTP/1.1\r\n");
    FETCH("/hello", .method = "HEAD");
    assert_int_equal(o.status, 200);
    assert_int_equal(o.body_len, 0);
    FETCH("/echo", .method = "GET"); /* without anything of the ones before */
    assert_contains(o.body, "GET /echo HTTP/1.1\r\n");
    assert_lacks(o.body, "X-Api-Key", "Content-Length");
}

TEST(large_post_does_not_wait_for_100_continue)
{
    static char body[4000];
    memset(body, 'x', sizeof body);
    FETCH("/echo", .method = "POST", .body = body, .body_len = sizeof body);
    assert_int_equal(o.status, 200);
    assert_lacks(o.body, "Expect");
    assert_true(o.elapsed_us < 900000);
}

TEST(refused)
{
    int free_port, fd = listen_somewhere(&free_port);
    close(fd);
    FETCH("", .url = url_of("127.0.0.1", free_port, "/x?token=canary"));
    expect("refused", 0);
    assert_contains(o.message, "GET http://127.0.0.1");
    assert_lacks(o.message, "canary");
}

TEST(no_such_name)
{
    FETCH("", .url = "http://no-such-name.test/");
    expect("dns", 0);
}

static int64_t worst_gap_us, last_tick_us;
static void on_tick(void *arg)
{
    int64_t now = loop_now_us();
    if (now - last_tick_us > worst_gap_us) worst_gap_us = now - last_tick_us;
    last_tick_us = now;
}

/* The resolver's thread hangs for 1.5 s; neither the timeout nor a cancel nor the end of the pool
 * may wait for it. */
TEST(hanging_resolver_blocks_nothing)
{
    last_tick_us = loop_now_us();
    worst_gap_us = 0;
    struct loop_timer *ticks = loop_timer_new(loop, 10, 10, on_tick, NULL);
    FETCH("", .url = "http://hangs.test/", .timeout_ms = 200);
    expect("timeout", 0);
    assert_true(o.elapsed_us < 600000);
    assert_true(worst_gap_us < 300000);
    loop_timer_free(ticks);
    int64_t before = loop_now_us();
    struct outcome never = { 0 };
    struct fetch *first = start(&never, &(struct fetch_options){ .url = "http://hangs.test/" });
    start(&never, &(struct fetch_options){ .url = "http://hangs.test/" });
    run_for(50);
    fetch_cancel(first);
    fetch_pool_free(pool);
    assert_true(loop_now_us() - before < 300000);
    assert_int_equal(never.calls, 0);
    pool = fetch_pool_new(loop, 4);
    usleep(1600000); /* the threads end: nothing of them may be left behind, nor touched by them */
}

TEST(names_below_localhost_are_this_machine)
{
    int before = resolved;
    GIVES("", "", .url = url_of("some-stack.localhost", port, "/echo"));
    assert_contains(o.body, "Host: some-stack.localhost:");
    assert_int_equal(resolved, before);
}

TEST(timeouts)
{
    FETCH("/hang", .timeout_ms = 100);
    expect("timeout", 1);
    assert_true(o.elapsed_us >= 100000 && o.elapsed_us < 1000000);
}

TEST(connection_closed_early)
{
    FETCH("/cut", .method = "POST");
    expect("closed", 1);
    GIVES("closed", "/half", .method = "GET");
    assert_string_equal(o.body, "");
    FETCH("/garbage", .method = "GET");
    expect("failed", 1);
}

TEST(too_large)
{
    GIVES("too_large", "/big", .method = "GET");
    GIVES("too_large", "/bigchunked", .method = "GET");
    GIVES("", "/bigchunked", .max_body = 2097152);
    assert_int_equal(o.body_len, 2097152);
    GIVES("too_large", "/hello", .max_body = 4);
    GIVES("too_large", "/heads", .method = "GET");
}

TEST(heads)
{
    FETCH("/redirect", .method = "GET");
    assert_int_equal(o.status, 302);
    assert_contains(o.head, "location: /hello\n");
    assert_int_equal(requests, 1);
    FETCH("/continue", .method = "GET");
    assert_int_equal(o.status, 200);
    assert_lacks(o.head, "x-early");
    FETCH("/trailer", .method = "GET");
    assert_string_equal(o.body, "ok");
    assert_lacks(o.head, "x-late");
}

/* libcurl repeats a POST when a kept connection dies under it; FETCH_FRESH prevents that. */
TEST(fresh_is_sent_once)
{
    FETCH("/once", .method = "GET");
    GIVES("", "/once", .method = "POST", .body = "x", .body_len = 1, .flags = FETCH_FRESH);
    assert_int_equal(connections, 2);
    assert_int_equal(requests, 2);
    FETCH("/once", .method = "POST", .body = "x",
          .body_len = 1); /* on the first connection; and again on a new one */
    assert_int_equal(requests, 4);
    assert_int_equal(connections, 3);
}

TEST(fence)
{
    FETCH("/hello", .method = "GET"); /* a kept connection must not be a way around it */
    EACH (host, "127.0.0.1", "[::1]", "x.localhost", "0.0.0.0", "inner.test",
          "[::ffff:127.0.0.1]") {
        FETCH("", .url = url_of(host, strcmp(host, "inner.test") == 0 ? 80 : port, "/"),
              .flags = FETCH_FENCE);
        expect("refused", 0);
        assert_contains(o.message, "inner address");
    }
    assert_int_equal(connections, 1);
    GIVES("refused", "", .url = "http://example.test/",
          .connect_to = url_of("127.0.0.1", port, "") + 7, .flags = FETCH_FENCE);
}

static int is_inner(const char *text)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) return fetch_is_inner((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return fetch_is_inner((struct sockaddr *)&v6);
}

TEST(inner_addresses)
{
    EACH (inside, "127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1",
          "255.255.255.255", "::", "::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1",
          "::ffff:169.254.1.1", "64:ff9b::7f00:1", "::127.0.0.1")
        if (!is_inner(inside)) fail_msg("%s is inner", inside);
    EACH (outside, "1.2.3.4", "10.0.0.1", "192.168.1.1", "172.17.0.1", "169.253.0.1",
          "223.255.255.255", "2001:db8::1", "::ffff:1.2.3.4", "64:ff9b::102:304")
        if (is_inner(outside)) fail_msg("%s is not inner", outside);
}

TEST(connect_to)
{
    GIVES("", "", .url = "http://a-stack.example.test/echo",
          .connect_to = url_of("127.0.0.1", port, "") + 7);
    assert_contains(o.body, "Host: a-stack.example.test\r\n");
}

TEST(invalid)
{
    struct outcome none = { 0 };
    start(&none, &(struct fetch_options){ .url = NULL });
    loop_run(loop);
    assert_string_equal(none.code, "invalid");
    release(&none);
    EACH (url, "", "nonsense", "ftp://127.0.0.1/", "file:///etc/passwd",
          "http://user:canary@127.0.0.1/", "http://a b/", "http://x/\r\nX: y") {
        FETCH("", .url = url);
        expect("invalid", 0);
        assert_lacks(o.message, "canary");
    }
    EACH (line, "no colon", "Bad Name: x", ": x", "X: a\r\nY: b", "X: a\nb", "Content-Length: 5",
          "transfer-encoding: chunked") {
        const char *headers[] = { line, NULL };
        GIVES("invalid", "/", .headers = headers);
    }
    EACH (target, "", "host", "host:", ":80", "host:http", "host:123456", "a\nb:80") {
        GIVES("invalid", "/", .connect_to = target);
    }
    GIVES("invalid", "/", .method = "GE T");
    assert_int_equal(connections, 0);
}

/* The options of a fetch from the server. */
#define OF(path, ...)                                                                              \
    &(struct fetch_options)                                                                        \
    {                                                                                              \
        .url = url_of("127.0.0.1", port, path), __VA_ARGS__                                        \
    }
#define GOOD url_of("good.localhost", tls_port, "/hello")

TEST(certificate_expiry)
{
    GIVES("", "", .url = GOOD, .flags = FETCH_NO_VERIFY | FETCH_FRESH | FETCH_CERTIFICATE);
    assert_in_range(o.certificate_ends, certificate_made + 86400, certificate_made + 86401);
    FETCH("", .url = GOOD, .flags = FETCH_NO_VERIFY | FETCH_FRESH);
    assert_int_equal(o.certificate_ends, 0);
    FETCH("/hello", .flags = FETCH_CERTIFICATE);
    assert_int_equal(o.certificate_ends, 0);
}

TEST(no_proxy_from_the_environment)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    FETCH("/hello", .method = "GET");
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_string_equal(o.code, "");
}

TEST(tls)
{
    FETCH("", .url = GOOD);
    expect("tls", 0);
    FETCH("", .url = GOOD, .flags = FETCH_NO_VERIFY);
    assert_string_equal(o.body, "hello");
    assert_int_equal(o.verified, 0);
    GIVES("tls", "", .url = GOOD); /* the unverified connection is not used again */
    setenv("SSL_CERT_FILE", certificate_file, 1);
    FETCH("", .url = GOOD);
    assert_string_equal(o.body, "hello");
    assert_int_equal(o.verified, 1);
    GIVES("tls", "", .url = url_of("other.localhost", tls_port, "/hello"));
    unsetenv("SSL_CERT_FILE");
    char url[64]; /* plain HTTP where TLS is expected */
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", port);
    FETCH("", .url = url, .timeout_ms = 500);
    assert_int_equal(o.sent, 0);
}

TEST(parallel_limit_and_order)
{
    enum { N = 12 };
    struct outcome outcomes[N] = { 0 };
    for (int i = 0; i < N; i++) {
        outcomes[i].letter = (char)('a' + i);
        start(&outcomes[i], OF("/slow"));
    }
    loop_run(loop);
    assert_int_equal(nserving_max, 4);
    assert_int_equal(strlen(order), N);
    for (int i = 0; i < N; i++) {
        assert_string_equal(outcomes[i].code, "");
        assert_true(strchr(order, 'a' + i) - order > i - 4);
        release(&outcomes[i]);
    }
}

TEST(timeout_includes_waiting)
{
    struct outcome hangs[4] = { 0 }, late = { 0 };
    for (int i = 0; i < 4; i++)
        start(&hangs[i], OF("/hang", .timeout_ms = 300));
    start(&late, OF("/hello", .timeout_ms = 100));
    loop_run(loop);
    assert_string_equal(late.code, "timeout");
    assert_int_equal(late.sent, 0);
    assert_true(late.elapsed_us < 250000);
    release(&late);
    for (int i = 0; i < 4; i++)
        release(&hangs[i]);
}

TEST(cancel)
{
    struct outcome never[6] = { 0 }, last = { 0 };
    const struct fetch_options nonsense = { .url = "nonsense" };
    struct fetch *started[6];
    for (int i = 0; i < 6; i++)
        started[i] = start(&never[i], i == 5 ? &nonsense : OF("/slow"));
    for (int i = 5; i >= 0; i--)
        fetch_cancel(started[i]); /* one not valid, one waiting, four running */
    outstanding = 0;
    start(&last, OF("/slow"));
    loop_run(loop);
    assert_string_equal(last.code, "");
    for (int i = 0; i < 6; i++)
        assert_int_equal(never[i].calls, 0);
    release(&last);
}

/* A callback may start another fetch, and cancel one that has ended but was not delivered yet. */
static struct outcome victim, next;
static struct fetch *victim_fetch;
static void start_and_cancel(const struct fetch_result *r, void *arg)
{
    (void)r, (void)arg;
    fetch_cancel(victim_fetch);
    outstanding--;
    start(&next, OF("/hello"));
    outstanding--; /* this one */
}

TEST(from_inside_a_callback)
{
    memset(&victim, 0, sizeof victim);
    outstanding++;
    fetch_start(pool, &(struct fetch_options){ .url = "nonsense" }, start_and_cancel, NULL);
    victim_fetch = start(&victim, &(struct fetch_options){ .url = "nonsense" });
    loop_run(loop);
    assert_int_equal(victim.calls, 0);
    assert_string_equal(next.body, "hello");
    release(&next);
}

TEST(freeing_a_busy_pool)
{
    struct outcome never = { 0 };
    for (int i = 0; i < 6; i++)
        start(&never, OF("/hang"));
    run_for(50);
    start(&never, &(struct fetch_options){ .url = "nonsense" });
    fetch_pool_free(pool);
    pool = NULL;
    run_for(50);
    assert_int_equal(never.calls, 0);
}
