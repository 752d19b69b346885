/* httpd_refusals: keeps one client, refused again and again, from filling the log. Of each client
 * and status the first lines of a minute are written, and of the rest one line with their number.
 * On the loop's thread. */
#ifndef HTTPD_REFUSALS_H
#define HTTPD_REFUSALS_H
#include <netinet/in.h>
#include <stdint.h>

enum { REFUSALS_LINES = 50, REFUSALS_MS = 60000 };

/* Counts a refused request of a peer (IPv4 as ::ffff:a.b.c.d). Returns 1 when it gets a line. */
int httpd_refusal_is_logged(const struct in6_addr *peer, int status, int64_t now_ms);
/* Writes the lines that sum up the minutes that are over; with INT64_MAX, all. Returns 1 while
 * there is more to sum up later. */
int httpd_refusals_report(int64_t now_ms);
/* What counts as one client: all of an IPv4 address, the first half of an IPv6 address, in bytes.
 */
size_t httpd_peer_bytes(const struct in6_addr *peer);
#endif
