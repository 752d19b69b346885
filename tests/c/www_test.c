#include "www.h"
#include "gzip.h"
#include "httpd.h"
#include "httpd_reply.h"
#include "httpd_request.h"
#include "httpd_stream.h"
#include "log.h"
#include "wire.h"

#include <sys/stat.h>

static struct httpd *server;
static struct www *www;
static int port;

static void on_request(struct httpd_request *request, void *arg)
{
    if (!www_serve(www, request)) httpd_reply(request, 404, NULL, "not www", 7);
}

/* As gzip would, but without compressing: the length tells it from the plain file. */
static void write_gzip(const char *path, const char *text)
{
    struct gzip_stream stream;
    gzip_begin(&stream);
    gzip_store(&stream, text, strlen(text));
    gzip_end(&stream);
    test_write_bytes(path, stream.out.data, stream.out.len);
    bytes_free(&stream.out);
}

static void put_link(const char *target, const char *path)
{
    assert_int_equal(symlink(target, test_path(path)), 0);
}

static int make_site(void **state)
{
    test_make_folder();
    test_write("app.js", "let a = 1");
    write_gzip("app.js.gz", "let a = 1");
    test_write("page.css", "body {}");
    write_gzip("page.css.gz", "body { }"); /* of what it was before */
    test_write("img/logo.svg", "<svg/>");
    test_write("empty.txt", "");
    test_write("empty.txt.gz", "no gzip at all, but long enough");
    test_write(".secret", "hidden");
    put_link("/etc/passwd", "passwd.txt");
    put_link("app.js", "alias.js");
    put_link("..", "up");
    return 0;
}

static int remove_site(void **state)
{
    test_remove_folder();
    return 0;
}

SET_UP()
{
    char *message = NULL;
    wire_loop = loop_new();
    server = httpd_new(wire_loop, NULL, on_request, NULL);
    www = www_load(test_folder, "/assets/", &message);
    port = httpd_listen(server, "127.0.0.1", 0);
    assert_true(www && port > 0);
}

TEAR_DOWN()
{
    wire_close_all();
    www_free(www);
    httpd_free(server);
    loop_free(wire_loop);
}

/* Asks for a path with more header lines, and looks for each of the lines in the answer. */
static void expect(const char *method, const char *target, const char *fields, int status,
                   const char *const *lines, const char *want)
{
    struct wire *wire = wire_open(port);
    char request[1000];
    const char *body;
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, target,
             fields);
    wire_send(wire->fd, request);
    if (strcmp(method, "HEAD") == 0) {
        wire_expect(wire, "\r\n\r\n");
        body = strstr(wire->text, "\r\n\r\n") + 4;
    } else {
        assert_int_equal(wire_answer(wire, &body), status);
    }
    assert_string_equal(body, want);
    for (; lines && *lines; lines++)
        if (!strstr(wire->text, *lines)) fail_msg("no \"%s\" in \"%s\"", *lines, wire->text);
}

TEST_GROUP("www", FIXTURE, .set_up = make_site, .tear_down = remove_site);

TEST(files)
{
    static const char *const js[] = { "\r\nContent-Type: text/javascript; charset=utf-8\r\n",
                                      "\r\nCache-Control: no-cache\r\n", "\r\nETag: \"",
                                      "\r\nVary: Accept-Encoding\r\n", NULL };
    static const char *const svg[] = { "\r\nContent-Type: image/svg+xml\r\n", NULL };
    static const char *const head[] = { "HTTP/1.1 200 OK\r\n", "\r\nContent-Length: 9\r\n", NULL };
    expect("GET", "/assets/app.js", "", 200, js, "let a = 1");
    expect("GET", "/assets/img/logo.svg", "", 200, svg, "<svg/>");
    expect("GET", "/assets/empty.txt", "", 200, NULL, "");
    expect("GET", "/assets/alias.js", "", 200, NULL, "let a = 1");
    expect("HEAD", "/assets/app.js", "", 200, head, "");
}

TEST(what_is_not_there)
{
    EACH (path, "/assets/", "/assets/none.js", "/app.js", "/assets/.secret", "/assets/passwd.txt",
          "/assets/../app.js", "/assets/up/etc/passwd", "/assets/img", "/assets/%61pp.js",
          "/assets/img/../app.js", "/assets//app.js", "/assets/app.js/", "/assetsapp.js")
        expect("GET", path, "", 404, NULL, "not www");
    expect("POST", "/assets/app.js", "Content-Length: 0\r\n", 404, NULL, "not www");
}

/* Asks, and returns whether the twin came; its text holds zeros, so only its length is looked at.
 */
static int is_packed(const char *target, const char *accept)
{
    struct wire *wire = wire_open(port);
    char request[300];
    snprintf(request, sizeof request,
             "HEAD %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: %s\r\n\r\n", target, accept);
    wire_send(wire->fd, request);
    wire_expect(wire, "\r\n\r\n");
    assert_contains(wire->text, " 200 OK\r\n");
    int packed = strstr(wire->text, "\r\nContent-Encoding: gzip\r\n") != NULL;
    assert_int_equal(packed, strstr(wire->text, "-gz\"\r\n") != NULL);
    assert_int_equal(packed, strstr(wire->text, "\r\nContent-Length: 9\r\n") == NULL &&
                                 strstr(wire->text, "\r\nContent-Length: 7\r\n") == NULL);
    wire_close(wire);
    return packed;
}

TEST(compressed_twin)
{
    static const char *const vary[] = { "\r\nVary: Accept-Encoding\r\n", NULL };
    assert_true(is_packed("/assets/app.js", "br, gzip;q=0.8"));
    assert_true(is_packed("/assets/app.js", "GZIP"));
    assert_false(is_packed("/assets/app.js", "gzip;q=0, br"));
    assert_false(is_packed("/assets/app.js", "xgzip"));
    assert_false(is_packed("/assets/page.css", "gzip")); /* its twin was made of something else */
    expect("GET", "/assets/app.js", "", 200, vary, "let a = 1");
    expect("GET", "/assets/empty.txt", "Accept-Encoding: gzip\r\n", 200, NULL, "");
}

TEST(etag)
{
    static const char *const fields[] = { "\r\nETag: \"", "\r\nCache-Control: no-cache\r\n", NULL };
    const char *etag = www_find(www, "app.js")->etag;
    char line[200];
    assert_int_equal(strlen(etag), 32);
    snprintf(line, sizeof line, "If-None-Match: \"%s\"\r\n", etag);
    expect("GET", "/assets/app.js", line, 304, fields, "");
    expect("HEAD", "/assets/app.js", line, 304, fields, "");
    snprintf(line, sizeof line, "If-None-Match: \"other\", W/\"%s-gz\"\r\n", etag);
    expect("GET", "/assets/app.js", line, 304, fields, "");
    expect("GET", "/assets/app.js", "If-None-Match: *\r\n", 304, fields, "");
    expect("GET", "/assets/app.js", "If-None-Match: \"other\"\r\n", 200, NULL, "let a = 1");
    assert_string_not_equal(etag, www_find(www, "page.css")->etag);
}

/* A browser takes a 304's fields over into what it kept: the page would lose its own policy. */
TEST(a_304_has_no_policy)
{
    struct wire *wire = wire_open(port);
    assert_int_equal(
        wire_ask(wire, "GET /assets/app.js HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: *\r\n\r\n",
                 NULL),
        304);
    assert_lacks(wire->text, "Content-Security-Policy");
}

TEST(version)
{
    static const char *const for_ever[] = {
        "\r\nCache-Control: public, max-age=31536000, immutable\r\n", "\r\nETag: \"", NULL
    };
    static const char *const ask_again[] = { "\r\nCache-Control: no-cache\r\n", NULL };
    char target[200];
    assert_int_equal(strlen(www_version(www)), 16);
    snprintf(target, sizeof target, "/assets/%s/app.js", www_version(www));
    expect("GET", target, "", 200, for_ever, "let a = 1");
    snprintf(target, sizeof target, "/assets/%s/img/logo.svg", www_version(www));
    expect("GET", target, "", 200, for_ever, "<svg/>");
    snprintf(target, sizeof target, "/assets/%s/none.js", www_version(www));
    expect("GET", target, "", 404, NULL, "not www");
    snprintf(target, sizeof target, "/assets/%s/%s/app.js", www_version(www), www_version(www));
    expect("GET", target, "", 404, NULL, "not www");
    expect("GET", "/assets/0123456789abcdef/app.js", "", 200, ask_again,
           "let a = 1"); /* of a page opened before an upgrade */
    expect("GET", "/assets/0123456789abcdeg/app.js", "", 404, NULL, "not www");
    expect("GET", "/assets/0123456789abcdef0/app.js", "", 404, NULL, "not www");
}

static char *version_now(void)
{
    char *message = NULL;
    struct www *loaded = www_load(test_folder, "/assets/", &message);
    assert_non_null(loaded);
    char *version = strdup(www_version(loaded));
    www_free(loaded);
    return version;
}

TEST(version_changes_with_any_file)
{
    char *before = version_now();
    write_gzip("page.css.gz", "body {}");
    char *packed = version_now();
    test_write("img/logo.svg", "<svg></svg>");
    char *after = version_now();
    test_write("img/logo.svg", "<svg/>");
    char *back = version_now();
    write_gzip("page.css.gz", "body { }");
    assert_string_equal(before, packed); /* compressed again, nothing is other than it was */
    assert_string_not_equal(before, after);
    assert_string_equal(before, back);
    free(before);
    free(packed);
    free(after);
    free(back);
}

TEST(find)
{
    const struct www_file *file = www_find(www, "img/logo.svg");
    assert_string_equal(file->path, "img/logo.svg");
    assert_string_equal(file->type, "image/svg+xml");
    assert_int_equal(file->len, 6);
    assert_memory_equal(file->bytes, "<svg/>", 6);
    assert_null(www_find(www, "none"));
}

TEST(load_failure)
{
    char *message = NULL;
    assert_null(www_load("/tmp/there/is/no/such/folder", "/", &message));
    assert_contains(message, "/tmp/there/is/no/such/folder: No such file");
    free(message);
}
