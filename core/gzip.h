/* gzip: pages that are compressed once and differ at each request. The fixed parts are packed when
 * they are loaded; a stream is packed pieces and texts in turn, the texts stored uncompressed. So
 * nothing is compressed while a client waits, and a secret beside text that a client chose does not
 * change the length of the answer (the BREACH attack). Any thread. */
#ifndef GZIP_H
#define GZIP_H
#include "bytes.h"

/* Some bytes, compressed on their own. */
struct gzip_piece {
    size_t len;        /* of `bytes`, compressed */
    size_t plain_len;  /* of what they stand for */
    unsigned long crc; /* of that */
    unsigned char bytes[];
};

/* Packs bytes as small as they get. The caller frees. */
struct gzip_piece *gzip_pack(const char *bytes, size_t len);

/* One gzip file, made by gzip_begin(), then gzip_add() and gzip_store() in any order, then
 * gzip_end(). The caller frees `out` with bytes_free(). */
struct gzip_stream {
    struct bytes out;
    size_t plain_len;
    unsigned long crc;
};
void gzip_begin(struct gzip_stream *stream);
void gzip_add(struct gzip_stream *stream, const struct gzip_piece *piece);
void gzip_store(struct gzip_stream *stream, const char *bytes, size_t len);
void gzip_end(struct gzip_stream *stream);

/* 1 when a gzip file was made of these bytes, by the length and checksum at its end. */
int gzip_is_of(const char *packed, size_t packed_len, const char *bytes, size_t len);
#endif
