/* sse: server-sent events. Channels by name; each holds its subscribers' streams and nothing else:
 * what was sent is in the journal.
 *
 * Event ids grow; a stream never gets an id that is not above the last it got, so replay and live
 * events may overlap. A comment every 10 s keeps proxies awake. A reader that does not read is cut
 * off by httpd and comes back with Last-Event-ID.
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
    const char *data;
    size_t len;
    int last; /* 1: the stream ends after it */
};

struct sse *sse_new(struct loop *loop);
void sse_free(struct sse *sse);
/* Turns the request into a stream on `channel`, sends `retry:` and the events of `replay` whose id
 * is above last_id, then what is published later. When a replayed event is the last, the stream
 * ends. The head says text/event-stream, Cache-Control: no-cache, X-Accel-Buffering: no. `client`:
 * a word for who it is, of which the first SSE_CLIENT_LEN bytes count; "" for nobody. */
enum { SSE_CLIENT_LEN = 47 };
void sse_subscribe(struct sse *sse, struct httpd_request *request, const char *client,
                   const char *channel, int64_t last_id, const struct sse_event *replay,
                   int nreplay);
/* Sends to each subscriber of the channel; returns how many. Data may hold line breaks. */
int sse_publish(struct sse *sse, const char *channel, const struct sse_event *event);
/* Whether anybody listens on the channel. */
int sse_has(struct sse *sse, const char *channel);
/* Draining: tells every stream to reconnect soon (a retry of 1 to 3 s, spread) and ends it. New
 * ones are ended likewise at once. */
void sse_drain(struct sse *sse);
/* How many streams there are; of one client, or with NULL in all. */
int sse_count(const struct sse *sse, const char *client);
#endif
