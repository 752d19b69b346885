#include "gzip.h"
#include "mem.h"

#include <stdint.h>
#include <zlib.h>

enum {
    WINDOW = -15,
    MEMORY = 9,
    STORED_MOST = 65535
}; /* a window below 0: no header and no trailer */

struct gzip_piece *gzip_pack(const char *bytes, size_t len)
{
    z_stream zip = { .next_in = (unsigned char *)(uintptr_t)bytes, .avail_in = (uInt)len };
    if (deflateInit2(&zip, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        mem_must(NULL);
    size_t room = deflateBound(&zip, len) + 16; /* and the mark at its end */
    struct gzip_piece *piece = mem_grow(NULL, 1, sizeof *piece + room);
    zip.next_out = piece->bytes;
    zip.avail_out = (uInt)room;
    deflate(&zip, Z_FULL_FLUSH); /* ends on a whole byte, and whatever follows does not look back */
    piece->len = room - zip.avail_out;
    piece->plain_len = len;
    piece->hash = crc32(0, (const unsigned char *)bytes, (uInt)len);
    deflateEnd(&zip);
    return piece;
}

static void append(struct gzip_stream *stream, const void *bytes, size_t len)
{
    if (stream->len + len > stream->room) {
        stream->room = 2 * stream->room + len;
        stream->bytes = mem_grow(stream->bytes, stream->room, 1);
    }
    if (len) memcpy(stream->bytes + stream->len, bytes, len);
    stream->len += len;
}

void gzip_begin(struct gzip_stream *stream)
{
    static const unsigned char head[] = {
        0x1f, 0x8b, Z_DEFLATED, 0, 0, 0, 0, 0, 2, 255
    }; /* no name, no time, no system */
    *stream = (struct gzip_stream){ .hash = crc32(0, NULL, 0) };
    append(stream, head, sizeof head);
}

void gzip_add(struct gzip_stream *stream, const struct gzip_piece *piece)
{
    append(stream, piece->bytes, piece->len);
    stream->hash = crc32_combine(stream->hash, piece->hash, (z_off_t)piece->plain_len);
    stream->plain_len += piece->plain_len;
}

static void little(unsigned char *to, unsigned long value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

/* Blocks that say their length, and its complement. */
void gzip_store(struct gzip_stream *stream, const char *bytes, size_t len)
{
    stream->hash = crc32(stream->hash, (const unsigned char *)bytes, (uInt)len);
    stream->plain_len += len;
    while (len > 0) {
        size_t part = len < STORED_MOST ? len : STORED_MOST;
        unsigned char head[5] = { 0 };
        little(head + 1, part, 2);
        little(head + 3, ~part, 2);
        append(stream, head, sizeof head);
        append(stream, bytes, part);
        bytes += part;
        len -= part;
    }
}

void gzip_end(struct gzip_stream *stream)
{
    unsigned char tail[10] = { 3, 0 }; /* the last block, with nothing in it */
    little(tail + 2, stream->hash, 4);
    little(tail + 6, stream->plain_len, 4);
    append(stream, tail, sizeof tail);
}

int gzip_is_of(const char *packed, size_t packed_len, const char *bytes, size_t len)
{
    unsigned char tail[8];
    if (packed_len < 18 || (unsigned char)packed[0] != 0x1f || (unsigned char)packed[1] != 0x8b)
        return 0;
    little(tail, crc32(crc32(0, NULL, 0), (const unsigned char *)bytes, (uInt)len), 4);
    little(tail + 4, len, 4);
    return memcmp(packed + packed_len - sizeof tail, tail, sizeof tail) == 0;
}
