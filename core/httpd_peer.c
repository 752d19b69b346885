#include "httpd_internal.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

/* IPv4 is kept as IPv6 shows it: ::ffff:a.b.c.d. */
static struct in6_addr address_of(int fd)
{
    struct sockaddr_storage at = { 0 };
    socklen_t len = sizeof at;
    struct in6_addr address = IN6ADDR_ANY_INIT;
    getpeername(fd, (struct sockaddr *)&at, &len);
    if (at.ss_family == AF_INET6) address = ((struct sockaddr_in6 *)&at)->sin6_addr;
    if (at.ss_family == AF_INET) {
        address.s6_addr[10] = address.s6_addr[11] = 0xff;
        memcpy(address.s6_addr + 12, &((struct sockaddr_in *)&at)->sin_addr, 4);
    }
    return address;
}

static int is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);
}

/* How much of an address tells clients apart: one has a whole /64 of IPv6. */
static size_t significant(const struct in6_addr *address)
{
    return IN6_IS_ADDR_V4MAPPED(address) ? 16 : 8;
}

static struct httpd_neighbours *bucket_of(struct httpd *httpd, const struct in6_addr *address)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < significant(address); i++)
        hash = (hash ^ address->s6_addr[i]) * 16777619u;
    return &httpd->by_peer[(hash ^ hash >> 16) % HTTPD_PEER_BUCKETS];
}

int httpd_peer_arrive(struct httpd_conn *conn)
{
    int most = conn->httpd->limits.max_connections_each, count = 0;
    struct httpd_conn *other;
    conn->peer = address_of(conn->fd);
    struct httpd_neighbours *bucket = bucket_of(conn->httpd, &conn->peer);
    LIST_INSERT_HEAD(bucket, conn, neighbour);
    if (most <= 0 || is_loopback(&conn->peer)) return 0;
    LIST_FOREACH(other, bucket, neighbour)
    count += memcmp(&other->peer, &conn->peer, significant(&conn->peer)) == 0;
    return count > most ? -1 : 0;
}

void httpd_peer_leave(struct httpd_conn *conn)
{
    LIST_REMOVE(conn, neighbour);
}

const char *httpd_peer_text(const struct httpd_conn *conn, char text[INET6_ADDRSTRLEN])
{
    int mapped = IN6_IS_ADDR_V4MAPPED(&conn->peer);
    return inet_ntop(mapped ? AF_INET : AF_INET6, conn->peer.s6_addr + (mapped ? 12 : 0), text,
                     INET6_ADDRSTRLEN);
}
