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
    www = www_load(test_folder, "/assets/", NULL, &message);
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

/* Asks for a path with more header lines; returns the answer. */
static const char *expect(const char *method, const char *target, const char *fields, int status,
                          const char *want)
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
        assert_int_equal(atoi(wire->text + 9), status);
    } else {
        assert_int_equal(wire_answer(wire, &body), status);
    }
    assert_string_equal(body, want);
    return wire->text;
}

TEST_GROUP("www", FIXTURE, .set_up = make_site, .tear_down = remove_site);

TEST(files)
{
    assert_contains(expect("GET", "/assets/app.js", "", 200, "let a = 1"),
                    "\r\nContent-Type: text/javascript; charset=utf-8\r\n",
                    "\r\nCache-Control: no-cache\r\n", "\r\nETag: \"",
                    "\r\nVary: Accept-Encoding\r\n");
    assert_contains(expect("GET", "/assets/img/logo.svg", "", 200, "<svg/>"),
                    "\r\nContent-Type: image/svg+xml\r\n");
    expect("GET", "/assets/empty.txt", "", 200, "");
    expect("GET", "/assets/%61pp.js", "", 200, "let a = 1");
    expect("GET", "/assets/alias.js", "", 200, "let a = 1");
    assert_contains(expect("HEAD", "/assets/app.js", "", 200, ""), "HTTP/1.1 200 OK\r\n",
                    "\r\nContent-Length: 9\r\n");
}

TEST(what_is_not_there)
{
    EACH (path, "/assets/", "/assets/none.js", "/app.js", "/assets/.secret", "/assets/passwd.txt",
          "/assets/../app.js", "/assets/up/etc/passwd", "/assets/img", "/assets/img/../app.js",
          "/assets//app.js", "/assets/app.js/", "/assetsapp.js")
        expect("GET", path, "", 404, "not www");
    expect("POST", "/assets/app.js", "Content-Length: 0\r\n", 404, "not www");
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
    assert_true(is_packed("/assets/app.js", "br, gzip;q=0.8"));
    assert_true(is_packed("/assets/app.js", "GZIP"));
    assert_false(is_packed("/assets/app.js", "gzip;q=0, br"));
    assert_false(is_packed("/assets/app.js", "xgzip"));
    assert_false(is_packed("/assets/page.css", "gzip")); /* its twin was made of something else */
    assert_contains(expect("GET", "/assets/app.js", "", 200, "let a = 1"),
                    "\r\nVary: Accept-Encoding\r\n");
    expect("GET", "/assets/empty.txt", "Accept-Encoding: gzip\r\n", 200, "");
}

/* A browser takes a 304's fields over into what it kept: the page would lose its own policy. */
static void not_modified(const char *method, const char *etags)
{
    char line[200];
    snprintf(line, sizeof line, "If-None-Match: %s\r\n", etags);
    const char *answer = expect(method, "/assets/app.js", line, 304, "");
    assert_contains(answer, "\r\nETag: \"", "\r\nCache-Control: no-cache\r\n");
    assert_lacks(answer, "Content-Security-Policy");
}

TEST(etag)
{
    const char *etag = www_find(www, "app.js")->etag;
    char quoted[64], among_others[100];
    assert_int_equal(strlen(etag), 32);
    snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    snprintf(among_others, sizeof among_others, "\"other\", W/\"%s-gz\"", etag);
    not_modified("GET", quoted);
    not_modified("HEAD", quoted);
    not_modified("GET", among_others);
    not_modified("GET", "*");
    expect("GET", "/assets/app.js", "If-None-Match: \"other\"\r\n", 200, "let a = 1");
    assert_string_not_equal(etag, www_find(www, "page.css")->etag);
}

/* Asks for a file below the folder of a version. */
static const char *versioned(const char *version, const char *file, int status, const char *want)
{
    char target[200];
    snprintf(target, sizeof target, "/assets/%s/%s", version, file);
    return expect("GET", target, "", status, want);
}

TEST(version)
{
    static const char for_ever[] = "\r\nCache-Control: public, max-age=31536000, immutable\r\n";
    const char *version = www_version(www);
    char twice[64];
    assert_int_equal(strlen(version), 16);
    snprintf(twice, sizeof twice, "%s/%s", version, version);
    assert_contains(versioned(version, "app.js", 200, "let a = 1"), for_ever, "\r\nETag: \"");
    assert_contains(versioned(version, "img/logo.svg", 200, "<svg/>"), for_ever, "\r\nETag: \"");
    versioned(version, "none.js", 404, "not www");
    /* Of a page opened before an upgrade: */
    assert_contains(versioned("0123456789abcdef", "app.js", 200, "let a = 1"),
                    "\r\nCache-Control: no-cache\r\n");
    EACH (unknown, twice, "0123456789abcdeg", "0123456789abcdef0")
        versioned(unknown, "app.js", 404, "not www");
}

static char *version_now(void)
{
    char *message = NULL;
    struct www *loaded = www_load(test_folder, "/assets/", NULL, &message);
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
    free(before), free(packed), free(after), free(back);
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
    assert_null(www_load("/tmp/there/is/no/such/folder", "/", NULL, &message));
    assert_contains(message, "/tmp/there/is/no/such/folder: No such file");
    free(message);
}
