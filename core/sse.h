/* sse: server-sent events. Streams subscribe to a channel by name; what was sent is kept in the
 * journal, not here.
 *
 * Event ids grow; a stream never gets an id that is not above the last it got, so replayed and live
 * events may overlap. A comment at least every 10 s keeps proxies from cutting a stream. A reader
 * that does not read is cut off by httpd and comes back with Last-Event-ID. On the loop's thread.
 */
#ifndef SSE_H
#define SSE_H
#include <stddef.h>
#include <stdint.h>

struct loop;
struct httpd_request;
struct sse;

struct sse_event {
    int64_t id;
    const char *event;
    const char *data; /* may hold line breaks */
    size_t len;
    int is_last; /* the stream ends after it */
};

struct sse_subscription {
    const char *channel;
    const char *client;             /* whose stream it is, for sse_count(); may be "" */
    int64_t last_id;                /* the last event the client has seen */
    const struct sse_event *replay; /* sent first, those above last_id */
    int nreplay;
};

struct sse *sse_new(struct loop *loop);
/* Ends all streams. */
void sse_free(struct sse *sse);
/* Turns the request into a stream: `retry:`, the replay, then what is published. Ends it when the
 * last event of the channel is in the replay. Copies all texts. */
void sse_subscribe(struct sse *sse, struct httpd_request *request,
                   const struct sse_subscription *subscription);
/* Sends to each subscriber of the channel; returns to how many. */
int sse_publish(struct sse *sse, const char *channel, const struct sse_event *event);
/* Whether the channel has subscribers. */
int sse_has(const struct sse *sse, const char *channel);
/* Ends every stream, and new ones at once, asking the client to reconnect in 1 to 3 s. */
void sse_drain(struct sse *sse);
/* Open streams: of one client, of all clients that begin with these words, or with NULL of all. */
int sse_count(const struct sse *sse, const char *client);
#endif
