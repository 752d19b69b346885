#include "httpd_refusals.h"
#include "hash.h"
#include "log.h"

#include <arpa/inet.h>
#include <string.h>

enum { SLOTS = 256 };

/* Two clients of one slot take turns: the newer one ends the minute of the other. */
static struct slot {
    struct in6_addr peer;
    int status; /* 0: free */
    int64_t since_ms;
    int64_t count;
} slots[SLOTS];

size_t httpd_peer_bytes(const struct in6_addr *peer)
{
    return IN6_IS_ADDR_V4MAPPED(peer) ? 16 : 8;
}

static void report(struct slot *slot)
{
    char text[INET6_ADDRSTRLEN];
    int is_ipv4 = IN6_IS_ADDR_V4MAPPED(&slot->peer);
    if (slot->count > REFUSALS_LINES && log_begin(LOG_INFO, "httpd.refused_more")) {
        log_str("peer", inet_ntop(is_ipv4 ? AF_INET : AF_INET6,
                                  slot->peer.s6_addr + (is_ipv4 ? 12 : 0), text, sizeof text));
        log_int("status", slot->status);
        log_int("count", slot->count - REFUSALS_LINES);
        log_end();
    }
    slot->status = 0;
}

int httpd_refusal_is_logged(const struct in6_addr *peer, int status, int64_t now_ms)
{
    size_t len = httpd_peer_bytes(peer);
    struct slot *slot = &slots[(hash_bytes(peer, len) + (unsigned)status) % SLOTS];
    int is_same = slot->status == status && memcmp(&slot->peer, peer, len) == 0;
    if (!is_same || now_ms - slot->since_ms >= REFUSALS_MS) {
        report(slot);
        *slot = (struct slot){ .peer = *peer, .status = status, .since_ms = now_ms };
    }
    return ++slot->count <= REFUSALS_LINES;
}

int httpd_refusals_report(int64_t now_ms)
{
    int is_more = 0;
    for (struct slot *slot = slots; slot < slots + SLOTS; slot++) {
        if (slot->status && now_ms - slot->since_ms >= REFUSALS_MS) report(slot);
        is_more |= slot->status && slot->count > REFUSALS_LINES;
    }
    return is_more;
}
