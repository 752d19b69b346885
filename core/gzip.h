/* gzip: pages that are compressed once and changed at each request. What stays the same is packed
 * into pieces when it is loaded; a stream is pieces and texts in turn, the texts stored as they
 * are. Nothing is compressed while somebody waits; and a secret that stands beside something of a
 * stranger's choosing does not change the length of the answer (as BREACH would have it). Floor 1.
 */
#ifndef GZIP_H
#define GZIP_H
#include <stddef.h>

/* Some bytes, compressed on their own. */
struct gzip_piece {
    size_t len;         /* of `bytes`, compressed */
    size_t plain_len;   /* of what they stand for */
    unsigned long hash; /* CRC-32 of that */
    unsigned char bytes[];
};

/* Packs bytes as small as they get. The caller frees. */
struct gzip_piece *gzip_pack(const char *bytes, size_t len);

/* One gzip stream: gzip_begin(), then gzip_add() and gzip_store() in any order, then gzip_end().
 * `bytes` grows as needed; the caller frees.
 */
struct gzip_stream {
    unsigned char *bytes;
    size_t len, room;
    size_t plain_len;
    unsigned long hash;
};
void gzip_begin(struct gzip_stream *stream);
void gzip_add(struct gzip_stream *stream, const struct gzip_piece *piece);
void gzip_store(struct gzip_stream *stream, const char *bytes, size_t len);
void gzip_end(struct gzip_stream *stream);

/* 1 when a gzip file says at its end that it stands for just these bytes. */
int gzip_is_of(const char *packed, size_t packed_len, const char *bytes, size_t len);
#endif
