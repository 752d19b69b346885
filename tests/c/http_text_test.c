#include "http_text.h"
#include "test.h"

TEST_GROUP("http_text");

static void weight_is(const char *list, const char *value, int weight)
{
    int found = http_weight(list, value);
    if (found != weight) fail_msg("%s in %s: %d, not %d", value, list, found, weight);
}

TEST(weights)
{
    static const struct {
        const char *list;
        int weight; /* of text/html */
    } cases[] = {
        { NULL, -1 },
        { "", -1 },
        { "text/html", 1000 },
        { "TEXT/HTML ; Q=0.25", 250 },
        { "text/html;q=0", 0 },
        { "text/html;q=0.0005", 0 },
        { "text/html;q = 0.5", 500 },
        { "text/html;q=.2", 200 },
        { "text/html;q=1.", 1000 },
        { "text/html;level=1;q=0.3", 300 },
        { "text/html;x=\"a,b;q=0.1\";q=0.4", 400 },
        { "text/html;x=\"\\\",;q=0\"", 1000 },
        { "text/html;quality=0", 1000 },
        { "text/html;q=1.001", -1 },
        { "text/html;q=2", -1 },
        { "text/html;q=-1", -1 },
        { "text/html;q=abc, */*;q=0.1", 100 },
        { "text/html;q=", -1 },
        { ",, ;q=1, text/html", 1000 },
        { "*/*;q=0.9, text/*;q=0.5, text/html;q=0.1", 100 },
        { "*/*;q=0.9, text/*;q=0.5", 500 },
        { "application/*, */*;q=0.9", 900 },
        { "image/gif, *; q=.2, */*; q=.2", 200 },
        { "*", 1000 },
        { "text/html;q=0.2, text/html;q=0.6", 600 },
        { "text/htmlx, text/htm, text", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        weight_is(cases[i].list, "text/html", cases[i].weight);
}

TEST(gzip)
{
    EACH (good, "gzip", "GZIP", "br, gzip;q=0.1", "*", "deflate, *;q=0.5", "gzip, identity",
          "gzip;q=0.5, identity;q=0.5")
        assert_true(http_accepts_gzip(good));
    EACH (bad, "", "br", "gzip;q=0", "gzip; Q=0", "gzip ;q=0.000", "*, gzip;q=0", "*;q=0", "gzipx",
          "gzip;q=0.5, identity", "x-gzip")
        assert_false(http_accepts_gzip(bad));
    assert_false(http_accepts_gzip(NULL));
}
