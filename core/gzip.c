#include "gzip.h"
#include "mem.h"

#include <zlib.h>

enum { STORED_BYTES_MAX = 65535 };

/* The window that holds the text and what zlib looks ahead; its tables grow with it. zlib clears
 * 256 KiB for the largest, and the scripts compress 150 short pieces as they load. */
static int window_bits(size_t len)
{
    int bits = 9;
    while (bits < MAX_WBITS && (size_t)1 << bits < len + 262)
        bits++;
    return bits;
}

struct gzip_piece *gzip_pack(const char *bytes, size_t len)
{
    z_stream zip = { .next_in = (unsigned char *)(uintptr_t)bytes, .avail_in = (uInt)len };
    int bits = window_bits(len); /* negative: no header and no trailer */
    int rc =
        deflateInit2(&zip, Z_BEST_COMPRESSION, Z_DEFLATED, -bits, bits - 6, Z_DEFAULT_STRATEGY);
    mem_must(rc == Z_OK ? &zip : NULL);
    size_t room = deflateBound(&zip, len) + 16; /* and the marker at its end */
    struct gzip_piece *piece = mem_grow(NULL, 1, sizeof *piece + room);
    zip.next_out = piece->bytes;
    zip.avail_out = (uInt)room;
    deflate(&zip, Z_FULL_FLUSH); /* ends on a whole byte; what follows does not refer back */
    piece->len = room - zip.avail_out;
    piece->plain_len = len;
    piece->crc = crc32(0, (const unsigned char *)bytes, (uInt)len);
    deflateEnd(&zip);
    return piece;
}

static void add_little_endian(struct bytes *out, unsigned long value, int count)
{
    for (int i = 0; i < count; i++)
        bytes_add_char(out, (char)(value >> 8 * i));
}

void gzip_begin(struct gzip_stream *stream)
{
    static const unsigned char head[] = {
        0x1f, 0x8b, Z_DEFLATED, 0, 0, 0, 0, 0, 2, 255
    }; /* no name, no time, no system */
    *stream = (struct gzip_stream){ .crc = crc32(0, NULL, 0) };
    bytes_add(&stream->out, head, sizeof head);
}

void gzip_add(struct gzip_stream *stream, const struct gzip_piece *piece)
{
    bytes_add(&stream->out, piece->bytes, piece->len);
    stream->crc = crc32_combine(stream->crc, piece->crc, (z_off_t)piece->plain_len);
    stream->plain_len += piece->plain_len;
}

/* Stored blocks: a type byte, the length and its complement, the bytes. */
void gzip_store(struct gzip_stream *stream, const char *bytes, size_t len)
{
    stream->crc = crc32(stream->crc, (const unsigned char *)bytes, (uInt)len);
    stream->plain_len += len;
    while (len > 0) {
        size_t part = len < STORED_BYTES_MAX ? len : STORED_BYTES_MAX;
        bytes_add_char(&stream->out, 0);
        add_little_endian(&stream->out, part, 2);
        add_little_endian(&stream->out, ~part, 2);
        bytes_add(&stream->out, bytes, part);
        bytes += part;
        len -= part;
    }
}

void gzip_end(struct gzip_stream *stream)
{
    bytes_add(&stream->out, "\3\0", 2); /* the last block, with nothing in it */
    add_little_endian(&stream->out, stream->crc, 4);
    add_little_endian(&stream->out, stream->plain_len, 4);
}

int gzip_is_of(const char *packed, size_t packed_len, const char *bytes, size_t len)
{
    char tail[8];
    struct bytes expected = bytes_over(tail, sizeof tail);
    add_little_endian(&expected, crc32(0, (const unsigned char *)bytes, (uInt)len), 4);
    add_little_endian(&expected, len, 4);
    return packed_len >= 18 && memcmp(packed, "\x1f\x8b", 2) == 0 &&
           memcmp(packed + packed_len - sizeof tail, tail, sizeof tail) == 0;
}
