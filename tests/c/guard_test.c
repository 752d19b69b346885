/* What the guard lets through, changes and refuses, however the bytes are split. */
#include "guard.h"
#include "test.h"

#define H "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define OK CHUNKED "0\r\n\r\n"

static int is_long(const struct guard_request *request, void *unused)
{
    (void)unused;
    return strcmp(guard_request_text(request, request->path), "/long") == 0;
}

static const struct guard_limits limits = { .head_bytes = 200,
                                            .target_bytes = 40,
                                            .fields = 5,
                                            .body_bytes = 100,
                                            .takes_long_body = is_long,
                                            .long_body_bytes = 300 };

enum { MOST = 1024 };

struct outcome {
    int status;
    unsigned messages;
    size_t kept;
    char text[MOST];
};

/* Feeds the bytes in pieces; next() returns where the piece that starts at `at` ends. */
static struct outcome feed(const char *bytes, size_t len, size_t (*next)(size_t at, size_t len))
{
    struct outcome outcome = { 0 };
    struct guard guard;
    guard_init(&guard, &limits);
    for (size_t at = 0, end; at < len; at = end) {
        end = next(at, len);
        char *piece = malloc(end - at); /* so that a sanitizer sees reads past its end */
        memcpy(piece, bytes + at, end - at);
        size_t kept = guard_feed(&guard, piece, end - at);
        assert_true(kept <= end - at && outcome.kept + kept <= MOST);
        memcpy(outcome.text + outcome.kept, piece, kept);
        outcome.kept += kept;
        free(piece);
    }
    outcome.status = guard.refusal.status;
    for (struct guard_request *request; (request = guard_take(&guard)); outcome.messages++)
        guard_request_free(request);
    assert_true(!guard.refusal.status == !guard.refusal.code &&
                !guard.refusal.status == !guard.refusal.detail);
    guard_fini(&guard);
    return outcome;
}

static void path_is(const char *target, const char *path)
{
    char request[128];
    struct guard guard;
    guard_init(&guard, &limits);
    guard_feed(&guard, request,
               (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" H "\r\n", target));
    struct guard_request *read = guard_take(&guard);
    assert_non_null(read);
    assert_string_equal(guard_request_text(read, read->path), path);
    guard_request_free(read);
    guard_fini(&guard);
}

static size_t whole(size_t at, size_t len)
{
    (void)at;
    return len;
}

static size_t single(size_t at, size_t len)
{
    (void)len;
    return at + 1;
}

static size_t random_end(size_t at, size_t len)
{
    return at + 1 + (size_t)rand() % (len - at < 40 ? len - at : 40);
}

static void same(const struct outcome *a, const struct outcome *b, const char *bytes)
{
    if (a->status == b->status && a->messages == b->messages && a->kept == b->kept &&
        memcmp(a->text, b->text, a->kept) == 0)
        return;
    fail_msg("in pieces it is %d, %u requests, %zu bytes; whole %d, %u, %zu: %s", b->status,
             b->messages, b->kept, a->status, a->messages, a->kept, bytes);
}

static struct outcome each_way(const char *bytes, size_t len)
{
    struct outcome outcome = feed(bytes, len, whole), other = feed(bytes, len, single);
    same(&outcome, &other, bytes);
    for (int i = 0; i < 20; i++) {
        other = feed(bytes, len, random_end);
        same(&outcome, &other, bytes);
    }
    return outcome;
}

/* The bytes get through as this many requests, but changed to `kept`. */
static void becomes(const char *bytes, const char *kept, unsigned messages)
{
    struct outcome outcome = each_way(bytes, strlen(bytes));
    if (outcome.status || outcome.messages != messages)
        fail_msg("%d, %u requests: %s", outcome.status, outcome.messages, bytes);
    if (outcome.kept != strlen(kept) || memcmp(outcome.text, kept, outcome.kept) != 0)
        fail_msg("became %.*s: %s", (int)outcome.kept, outcome.text, bytes);
}

static void passes(const char *bytes, unsigned messages)
{
    becomes(bytes, bytes, messages);
}

/* The bytes are refused, and what gets through is not a whole request. */
static void refused_bytes(const char *bytes, size_t len, int status)
{
    struct outcome outcome = each_way(bytes, len);
    if (outcome.status != status || outcome.messages != 0)
        fail_msg("%d, %u requests: %s", outcome.status, outcome.messages, bytes);
    assert_true(outcome.kept < len);
    assert_null(memmem(outcome.text, outcome.kept, "\r\n0\r\n\r\n", 7));
    if (!memmem(bytes, len, "chunked", 7))
        assert_null(memmem(outcome.text, outcome.kept, "\r\n\r\n", 4));
}

static void refused(const char *bytes, int status)
{
    refused_bytes(bytes, strlen(bytes), status);
}

static void refused_with(int status, const char *format, const char *value)
{
    char text[500];
    snprintf(text, sizeof text, format, value);
    refused(text, status);
}

TEST_GROUP("guard");

TEST(what_needs_no_encoding_is_decoded)
{
    path_is("/%68e%61lth?%61", "/health");
    path_is("/%7Ea%2D%2E%5f", "/~a-._");
    path_is("/a/%2e%2E/b", "/a/../b");
    EACH (same, "/", "/a%2Fb", "/a%2fb", "/%2568", "/%00", "/%3F", "/%C3%A9", "/%", "/%6", "/%zz",
          "/%%341", "/%%3625", "/a%25/%%36%38")
        path_is(same, same);
    path_is("/%25%36%38", "/%2568");
}

TEST(request_lines)
{
    passes("GET / HTTP/1.1\r\n" H "\r\n", 1);
    passes("GET / HTTP/1.0\r\n\r\n", 1);
    passes("DELETE /a/b?c=d&e=%20[]{|}^ HTTP/1.1\r\n" H "\r\n", 1);
    passes("OPTIONS * HTTP/1.1\r\n" H "\r\n", 1);
    passes("GET http://a/b HTTP/1.1\r\n" H "\r\n", 1);
    passes("GET HTTPS://a:1?b HTTP/1.1\r\nHost: A:1\r\n\r\n", 1);
    passes("GET http://[::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\n\r\n", 1);
    refused("GET http://b/a HTTP/1.1\r\n" H "\r\n", 400);
    refused("GET http://a/b HTTP/1.0\r\n\r\n", 400);
    becomes("\r\n\r\nGET / HTTP/1.0\r\n\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", 1);
    EACH (bad, "\nGET / HTTP/1.0\r\n\r\n", "\r\rGET / HTTP/1.0\r\n\r\n",
          "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n", " GET / HTTP/1.0\r\n\r\n",
          "GET  / HTTP/1.0\r\n\r\n", "GET /  HTTP/1.0\r\n\r\n", "GET / HTTP/1.0 \r\n\r\n",
          "GET\t/ HTTP/1.0\r\n\r\n", "GET /\tHTTP/1.0\r\n\r\n", "GET / HTTP/1.0\n\n",
          "GET / HTTP/1.0\r\r\n\r\n", "GET /\r\n\r\n", "GET\r\n\r\n", "GET // HTTP/1.0\r\n\r\n",
          "GET a HTTP/1.0\r\n\r\n", "GET * HTTP/1.0\r\n\r\n", "OPTIONS *a HTTP/1.0\r\n\r\n",
          "GET /a b HTTP/1.0\r\n\r\n", "GET /\x7f HTTP/1.0\r\n\r\n", "GET /\xff HTTP/1.0\r\n\r\n",
          "GET /\x01 HTTP/1.0\r\n\r\n", "GET /\" HTTP/1.0\r\n\r\n", "GET /< HTTP/1.0\r\n\r\n",
          "GET /\\ HTTP/1.0\r\n\r\n", "GET /# HTTP/1.0\r\n\r\n", "GET http:/a HTTP/1.0\r\n\r\n",
          "GET http://a//b HTTP/1.0\r\n\r\n", "GET http:///b HTTP/1.0\r\n\r\n",
          "GET ftp://a/b HTTP/1.0\r\n\r\n", "GET http://u@a/b HTTP/1.0\r\n\r\n",
          "GET http://[1]/ HTTP/1.0\r\n\r\n", "GET http://a:x/ HTTP/1.0\r\n\r\n",
          "GET / http/1.1\r\n\r\n", "GET / HTTP/1.10\r\n\r\n", "GET / HTTP/1\r\n\r\n",
          "GET / HTTP/+1.1\r\n\r\n", "GET / HTTP 1.1\r\n\r\n", "G(T / HTTP/1.0\r\n\r\n",
          "\x16\x03\x01\x02")
        refused(bad, 400);
    refused_bytes("GET /\0 HTTP/1.0\r\n\r\n", 20, 400);
    refused("TRACE / HTTP/1.1\r\n" H "\r\n", 405);
    refused("CONNECT a:80 HTTP/1.1\r\n" H "\r\n", 405);
    refused("get / HTTP/1.1\r\n" H "\r\n", 501);
    refused("BREW / HTTP/1.1\r\n" H "\r\n", 501);
    refused("GETGETGETGETGETGETGETGETGET", 501);
    refused("GET / HTTP/1.2\r\n" H "\r\n", 505);
    refused("GET / HTTP/0.9\r\n" H "\r\n", 505);
    refused("GET / HTTP/2.0\r\n" H "\r\n", 505);
}

TEST(fields)
{
    passes("GET / HTTP/1.0\r\na:\r\nB-c: d \t e\r\n!#$%&'*+-.^_`|~: \x80\xff\r\n\r\n", 1);
    becomes("GET / HTTP/1.0\r\na:\tb\r\n\r\n", "GET / HTTP/1.0\r\na: b\r\n\r\n", 1);
    EACH (bad, "a : b", ": b", "a b: c", "a", " a: b", "\ta: b", "a: b\r\n c", "a: b\r\n\tc",
          "a: \x01", "a: \x7f", "a: b\rc", "a: b\r\r", "a: b\nc: d", "a\x80: b", "(a): b",
          "\x01: b")
        refused_with(400, "GET / HTTP/1.0\r\n%s\r\n\r\n", bad);
    refused_bytes("GET / HTTP/1.0\r\na: b\0\r\n\r\n", 25, 400);
    refused_bytes("GET / HTTP/1.0\r\na\0: b\r\n\r\n", 25, 400);
}

TEST(hosts)
{
    EACH (good, "a", " a", " a.b-c_d:80 ", " A:", " 127.0.0.1:65535", " [::1]",
          " [2001:db8::1]:80") {
        char text[100];
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost:%s\r\n\r\n", good);
        passes(text, 1);
    }
    EACH (bad, "", " ", " a b", " a,b", " a/b", " http://a", " u@a", " a:b", " a:0x1", " a:65536",
          " a:-1", " [::1", " [::1]a", " []", " [a]", " a%20", " \x80", " a\\", " *")
        refused_with(400, "GET / HTTP/1.1\r\nHost:%s\r\n\r\n", bad);
    refused("GET / HTTP/1.1\r\n\r\n", 400);
    refused("GET / HTTP/1.1\r\n" H H "\r\n", 400);
    refused("GET / HTTP/1.0\r\n" H "hOST: b\r\n\r\n", 400);
}

TEST(lengths)
{
    passes(POST "Content-Length: 5\r\n\r\nhello" POST "content-length:0\r\n\r\n", 2);
    passes("GET / HTTP/1.1\r\n" H "Content-Length: 005\r\n\r\nhello", 1);
    becomes("HEAD / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n",
            "HEAD / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nGET / HTTP/1.0\r\n\r\n", 2);
    EACH (bad, "", " +5", " -0", " -5", " 0x5", " 5,5", " 5, 5", " 5 5", " 5;", " 5.0", " five",
          " 5\r\nContent-Length: 5", " 5\r\nContent-Length: 6", " 5\r\nTransfer-Encoding: chunked",
          " 00\x80")
        refused_with(400, POST "Content-Length:%s\r\n\r\nhello", bad);
    refused(POST "Content-Length: 101\r\n\r\n", 413);
    refused(POST "Content-Length: 18446744073709551621\r\n\r\n", 413);
    refused(POST "Content-Length: 99999999999999999999999999999999999999999999\r\n\r\n", 413);
}

TEST(codings)
{
    passes(OK, 1);
    passes(POST "transfer-encoding:CHUNKED \r\n\r\n0\r\n\r\n", 1);
    becomes(POST "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
            POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1);
    EACH (bad, "", " gzip", " identity", " xchunked", " chunkedx", " chunked, identity",
          " chunked, chunked", " chunked,", " \"chunked\"", " chunked;q=1",
          " chunked\r\nTransfer-Encoding: chunked", " chunked\r\nContent-Length: 5")
        refused_with(400, POST "Transfer-Encoding:%s\r\n\r\n0\r\n\r\n", bad);
    refused(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501);
    refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

TEST(chunks)
{
    passes(CHUNKED "5\r\nhello\r\n00A\r\n0123456789\r\n000\r\n\r\n" OK, 2);
    becomes(CHUNKED "5;a=\"b;c\"\r\nhello\r\n0;x\r\n\r\n", CHUNKED "5\r\nhello\r\n0\r\n\r\n", 1);
    becomes(CHUNKED "0\r\nContent-Length: 5\r\nHost: b\r\n\r\n" OK, CHUNKED "0\r\n\r\n" OK, 2);
    becomes("HEAD / HTTP/1.1\r\n" H
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\na: b\r\n\r\n" OK,
            "HEAD / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n" OK, 2);
    EACH (bad, "+5\r\nhello\r\n", "-5\r\nhello\r\n", "0x5\r\nhello\r\n", " 5\r\nhello\r\n",
          "5 \r\nhello\r\n", "5 ;a\r\nhello\r\n", "5 x\r\nhello\r\n", "g\r\n", "\r\n5\r\nhello\r\n",
          ";a\r\n", "5\nhello\r\n", "5\r\rhello\r\n", "5\r\nhello\n", "5\r\nhello5\r\n",
          "5\r\nhello!\r\n", "5\r\nhello\rx", "5;\x01\r\nhello\r\n", "5;a\nhello\r\n",
          "00000000000000005\r\nhello\r\n", "0\r\na b: c\r\n\r\n", "0\r\n a: c\r\n\r\n",
          "0\r\na: b\n\r\n", "0\r\n\n", "0\r\n\rx")
        refused_with(400, CHUNKED "%s0\r\n\r\n", bad);
    refused(CHUNKED "65\r\n", 413);
    refused(CHUNKED "fffffffffffffffb\r\n", 413);
    refused(CHUNKED "5\r\nhello\r\n60\r\n", 413);
}

TEST(long_bodies)
{
    char body[302] = { 0 }, text[500];
    memset(body, 'x', 301);
    snprintf(text, sizeof text, "PUT /long HTTP/1.1\r\n" H "Content-Length: 300\r\n\r\n%.300s" OK,
             body);
    passes(text, 2);
    refused("PUT /long HTTP/1.1\r\n" H "Content-Length: 301\r\n\r\n", 413);
    refused("PUT /other HTTP/1.1\r\n" H "Content-Length: 300\r\n\r\n", 413);
    snprintf(text, sizeof text,
             "PUT /long HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nc8\r\n%.200s\r\n", body);
    snprintf(text + strlen(text), sizeof text - strlen(text), "64\r\n%.100s\r\n0\r\n\r\n", body);
    passes(text, 1);
    refused("PUT /long HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n12d\r\n", 413);
}

TEST(sizes)
{
    char text[1000];
    snprintf(text, sizeof text, "GET /%0*d HTTP/1.0\r\n\r\n", 39, 0);
    passes(text, 1);
    snprintf(text, sizeof text, "GET /%0*d HTTP/1.0\r\n\r\n", 40, 0);
    refused(text, 414);
    snprintf(text, sizeof text, "GET / HTTP/1.0\r\na: %0*d\r\n\r\n", 200 - 16 - 3 - 4, 0);
    passes(text, 1);
    snprintf(text, sizeof text, "GET / HTTP/1.0\r\na: %0*d\r\n\r\n", 200 - 16 - 3 - 3, 0);
    refused(text, 431);
    passes("GET / HTTP/1.0\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n", 1);
    refused("GET / HTTP/1.0\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n", 431);
    refused(CHUNKED "0\r\na:\r\na:\r\na:\r\na:\r\n\r\n", 431);
    snprintf(text, sizeof text, "%s1;%0*d\r\n", CHUNKED, 200, 0);
    refused(text, 431);
    snprintf(text, sizeof text, "GET / HTTP/1.0\r\nHost: %0*d\r\n\r\n", 170, 0);
    passes(text, 1);
}

/* Nothing gets through after a refusal; the requests before it are kept. */
TEST(after_a_refusal)
{
    struct outcome outcome = each_way(OK OK "GET /\n" OK, sizeof(OK OK "GET /\n" OK) - 1);
    assert_int_equal(outcome.status, 400);
    assert_int_equal(outcome.messages, 2);
    assert_int_equal(outcome.kept, strlen(OK OK "GET /"));
}

static void feed_text(struct guard *guard, const char *text)
{
    char piece[200];
    size_t len = strlen(text);
    memcpy(piece, text, len);
    guard_feed(guard, piece, len);
}

static unsigned take_all(struct guard *guard)
{
    unsigned count = 0;
    for (struct guard_request *request; (request = guard_take(guard)); count++)
        guard_request_free(request);
    return count;
}

TEST(where_it_is)
{
    struct guard guard;
    guard_init(&guard, &limits);
    assert_false(guard_in_message(&guard) || guard_in_head(&guard) || guard_is_head(&guard));
    feed_text(&guard, "\r\n");
    assert_false(guard_in_message(&guard));
    feed_text(&guard, "HEAD /");
    assert_true(guard_in_message(&guard) && guard_in_head(&guard) && guard_is_head(&guard));
    feed_text(&guard, " HTTP/1.0\r\n\r\nPOST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n1");
    assert_true(guard_in_message(&guard) && !guard_in_head(&guard) && !guard_is_head(&guard));
    feed_text(&guard, "2");
    assert_false(guard_in_message(&guard));
    assert_int_equal(take_all(&guard), 2);
    feed_text(&guard, "HEAD / HTTP/1.0\r\nContent-Length: 2\r\n\r\n");
    assert_true(guard_in_message(&guard));
    assert_int_equal(take_all(&guard), 1); /* evhttp expects no body behind it */
    feed_text(&guard, "12");
    assert_false(guard_in_message(&guard));
    assert_int_equal(take_all(&guard), 0);
    guard_fini(&guard);
}
