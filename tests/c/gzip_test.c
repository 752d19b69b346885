#include "gzip.h"
#include "test.h"

#include <zlib.h>

/* What a browser reads; the caller frees. */
static char *unpack(const struct gzip_stream *stream, size_t *len)
{
    size_t room = stream->plain_len + 1;
    char *text = malloc(room);
    z_stream zip = { .next_in = (unsigned char *)stream->out.data,
                     .avail_in = (uInt)stream->out.len,
                     .next_out = (unsigned char *)text,
                     .avail_out = (uInt)room };
    assert_non_null(text);
    assert_int_equal(inflateInit2(&zip, 15 + 16), Z_OK);
    assert_int_equal(inflate(&zip, Z_FINISH), Z_STREAM_END); /* checks CRC and length, too */
    assert_int_equal(zip.avail_in, 0);
    *len = zip.total_out;
    inflateEnd(&zip);
    return text;
}

static void expect(struct gzip_stream *stream, const char *want, size_t want_len)
{
    size_t len;
    gzip_end(stream);
    char *text = unpack(stream, &len);
    assert_int_equal(len, want_len);
    assert_memory_equal(text, want, len);
    assert_true(gzip_is_of(stream->out.data, stream->out.len, want, want_len));
    free(text);
    bytes_free(&stream->out);
}

TEST_GROUP("gzip");

TEST(pieces_and_texts)
{
    static const char want[] = "<p class=a>anna</p><p class=a></p><p class=a>";
    struct gzip_piece *head = gzip_pack("<p class=a>", 11), *tail = gzip_pack("</p>", 4);
    struct gzip_stream stream;
    gzip_begin(&stream);
    gzip_add(&stream, head);
    gzip_store(&stream, "anna", 4);
    gzip_add(&stream, tail);
    gzip_add(&stream, head);
    gzip_store(&stream, "", 0);
    gzip_add(&stream, tail);
    gzip_add(&stream, head);
    free(head);
    free(tail);
    expect(&stream, want, sizeof want - 1);
}

TEST(empty)
{
    struct gzip_stream stream;
    struct gzip_piece *piece = gzip_pack("", 0);
    gzip_begin(&stream);
    expect(&stream, "", 0);
    gzip_begin(&stream);
    gzip_add(&stream, piece);
    expect(&stream, "", 0);
    free(piece);
}

/* Stored blocks hold 65535 bytes at most. */
TEST(long_texts)
{
    static const size_t lengths[] = { 65534, 65535, 65536, 200000 };
    char *text = malloc(200000);
    for (size_t i = 0; i < 200000; i++)
        text[i] = (char)(i * i >> 7);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct gzip_stream stream;
        gzip_begin(&stream);
        gzip_store(&stream, text, lengths[i]);
        expect(&stream, text, lengths[i]);
    }
    free(text);
}

TEST(pack_compresses)
{
    char text[20000];
    memset(text, 'a', sizeof text);
    struct gzip_piece *piece = gzip_pack(text, sizeof text);
    struct gzip_stream stream;
    assert_true(piece->len < 100);
    gzip_begin(&stream);
    gzip_add(&stream, piece);
    free(piece);
    expect(&stream, text, sizeof text);
}

/* Text beside a secret must not make the answer shorter when it resembles the secret. */
TEST(length_reveals_no_secret)
{
    static const char *const guesses[] = { "token=s3cret", "token=xxxxxx" };
    size_t len[2];
    struct gzip_piece *between = gzip_pack("<input value=", 13);
    for (int i = 0; i < 2; i++) {
        struct gzip_stream stream;
        gzip_begin(&stream);
        gzip_store(&stream, "token=s3cret", 12);
        gzip_add(&stream, between);
        gzip_store(&stream, guesses[i], 12);
        gzip_end(&stream);
        len[i] = stream.out.len;
        bytes_free(&stream.out);
    }
    free(between);
    assert_int_equal(len[0], len[1]);
}

TEST(is_of)
{
    struct gzip_stream stream;
    gzip_begin(&stream);
    gzip_store(&stream, "as it was", 9);
    gzip_end(&stream);
    const char *packed = stream.out.data;
    assert_true(gzip_is_of(packed, stream.out.len, "as it was", 9));
    assert_false(gzip_is_of(packed, stream.out.len, "as it is!", 9));
    assert_false(gzip_is_of(packed, stream.out.len, "as it was.", 10));
    assert_false(gzip_is_of(packed + 1, stream.out.len - 1, "as it was", 9));
    assert_false(gzip_is_of(packed, 10, "as it was", 9));
    assert_false(gzip_is_of("", 0, "", 0));
    bytes_free(&stream.out);
}
