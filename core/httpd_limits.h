/* httpd_limits: what a client of httpd may use up. */
#ifndef HTTPD_LIMITS_H
#define HTTPD_LIMITS_H
#include <stdint.h>

struct httpd_limits {
    int64_t max_header_bytes;   /* 16384 */
    int64_t max_body_bytes;     /* 65536; a longer one is answered 413 */
    int max_header_fields;      /* 100 */
    int max_connections;        /* 4096, and always below the descriptor limit less 64 */
    int max_connections_each;   /* 1024: from one address, or one /64 of IPv6; 0: no limit. Loopback
                                   and exempted proxies are not counted */
    int idle_timeout_ms;        /* 60000: a connection on which nothing moves */
    int head_timeout_ms;        /* 10000: from the first byte of a request to the end of its head */
    int request_timeout_ms;     /* 30000: and from there to its last byte */
    int answer_timeout_ms;      /* 300000: for a client to take an answer, however it reads */
    int64_t max_stream_backlog; /* 262144: unsent bytes of a stream before its reader is cut off */
};
#endif
