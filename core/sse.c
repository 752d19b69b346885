#include "sse.h"
#include "bytes.h"
#include "httpd_stream.h"
#include "loop.h"
#include "mem.h"

#include <sys/queue.h>

enum {
    HEARTBEAT_MS = 10000,
    RETRY_MS = 2000,
    DRAIN_RETRY_MS = 1000, /* and up to DRAIN_SPREAD_MS more, so that not all come at once */
    DRAIN_SPREAD_MS = 2000,
    DRAIN_STEP_MS = 773
};

/* One list is enough: to go through 1,000 streams for an event takes 5 us. */
struct subscriber {
    TAILQ_ENTRY(subscriber) next;
    struct sse *sse;
    struct httpd_request *request;
    int64_t last_id;
    char *channel, *client;
};
TAILQ_HEAD(subscribers, subscriber);

struct sse {
    struct loop *loop;
    struct subscribers subscribers;
    int count;
    struct loop_timer *heartbeat; /* NULL without subscribers */
    int is_draining;
    int spread_ms;
    struct bytes frame;
};

/* --- framing --- */

static size_t line_len(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] != '\n' && text[n] != '\r')
        n++;
    return n;
}

/* Each line of the data is a "data:" line; the browser joins them. */
static void add_data(struct bytes *frame, const char *data, size_t len)
{
    for (;;) {
        size_t line = line_len(data, len);
        bytes_add_text(frame, "data: ");
        bytes_add(frame, data, line);
        bytes_add_char(frame, '\n');
        if (line == len) return;
        int is_crlf = line + 1 < len && data[line] == '\r' && data[line + 1] == '\n';
        data += line + 1 + (size_t)is_crlf;
        len -= line + 1 + (size_t)is_crlf;
    }
}

static void add_event(struct bytes *frame, const struct sse_event *event)
{
    bytes_add_text(frame, "id: ");
    bytes_add_int(frame, event->id, 1);
    bytes_add_text(frame, "\nevent: ");
    bytes_add(frame, event->event, line_len(event->event, strlen(event->event)));
    bytes_add_char(frame, '\n');
    add_data(frame, event->data, event->len);
    bytes_add_char(frame, '\n');
}

static void send_frame(struct subscriber *subscriber)
{
    const struct bytes *frame = &subscriber->sse->frame;
    httpd_stream_write(subscriber->request, frame->data, frame->len);
}

/* --- subscribers --- */

static void on_heartbeat(void *arg)
{
    struct sse *sse = arg;
    struct subscriber *subscriber;
    TAILQ_FOREACH(subscriber, &sse->subscribers, next)
    httpd_stream_write(subscriber->request, ":\n\n", 3);
}

static struct subscriber *subscriber_new(struct sse *sse, struct httpd_request *request,
                                         const struct sse_subscription *subscription)
{
    struct subscriber *subscriber = mem_new(1, sizeof *subscriber);
    subscriber->sse = sse;
    subscriber->request = request;
    subscriber->last_id = subscription->last_id;
    subscriber->channel = mem_text(subscription->channel);
    subscriber->client = mem_text(subscription->client);
    TAILQ_INSERT_TAIL(&sse->subscribers, subscriber, next);
    if (sse->count++ == 0)
        sse->heartbeat = loop_timer_new(sse->loop, HEARTBEAT_MS, HEARTBEAT_MS, on_heartbeat, sse);
    return subscriber;
}

static void subscriber_end(void *arg)
{
    struct subscriber *subscriber = arg;
    struct sse *sse = subscriber->sse;
    TAILQ_REMOVE(&sse->subscribers, subscriber, next);
    if (--sse->count == 0) {
        loop_timer_free(sse->heartbeat);
        sse->heartbeat = NULL;
    }
    httpd_stream_end(subscriber->request);
    free(subscriber->channel);
    free(subscriber->client);
    free(subscriber);
}

static void ask_to_reconnect(struct subscriber *subscriber)
{
    struct sse *sse = subscriber->sse;
    sse->spread_ms = (sse->spread_ms + DRAIN_STEP_MS) % DRAIN_SPREAD_MS;
    bytes_clear(&sse->frame);
    bytes_printf(&sse->frame, "retry: %d\n\n", DRAIN_RETRY_MS + sse->spread_ms);
    send_frame(subscriber);
    subscriber_end(subscriber);
}

/* Returns 1 when the last event of the channel was among them. */
static int send_replay(struct subscriber *subscriber, const struct sse_subscription *subscription)
{
    struct bytes *frame = &subscriber->sse->frame;
    int is_over = 0;
    bytes_clear(frame);
    bytes_printf(frame, "retry: %d\n\n", RETRY_MS);
    for (int i = 0; i < subscription->nreplay; i++) {
        const struct sse_event *event = &subscription->replay[i];
        is_over |= event->is_last;
        if (event->id <= subscriber->last_id) continue;
        add_event(frame, event);
        subscriber->last_id = event->id;
    }
    send_frame(subscriber);
    return is_over;
}

/* --- the unit --- */

struct sse *sse_new(struct loop *loop)
{
    struct sse *sse = mem_new(1, sizeof *sse);
    sse->loop = loop;
    TAILQ_INIT(&sse->subscribers);
    return sse;
}

void sse_free(struct sse *sse)
{
    if (!sse) return;
    while (!TAILQ_EMPTY(&sse->subscribers))
        subscriber_end(TAILQ_FIRST(&sse->subscribers));
    bytes_free(&sse->frame);
    free(sse);
}

void sse_subscribe(struct sse *sse, struct httpd_request *request,
                   const struct sse_subscription *subscription)
{
    static const struct httpd_field fields[] = { { "Content-Type", "text/event-stream" },
                                                 { "Cache-Control", "no-cache, no-transform" },
                                                 { "X-Accel-Buffering", "no" },
                                                 { 0 } };
    struct subscriber *subscriber = subscriber_new(sse, request, subscription);
    httpd_stream_start(request, 200, fields, subscriber_end, subscriber);
    if (sse->is_draining)
        ask_to_reconnect(subscriber);
    else if (send_replay(subscriber, subscription))
        subscriber_end(subscriber);
}

int sse_publish(struct sse *sse, const char *channel, const struct sse_event *event)
{
    struct subscriber *subscriber = TAILQ_FIRST(&sse->subscribers), *next;
    int sent = 0;
    bytes_clear(&sse->frame);
    add_event(&sse->frame, event);
    for (; subscriber; subscriber = next) {
        next = TAILQ_NEXT(subscriber, next);
        if (strcmp(subscriber->channel, channel) != 0) continue;
        if (event->id > subscriber->last_id) {
            send_frame(subscriber);
            subscriber->last_id = event->id;
            sent++;
        }
        if (event->is_last) subscriber_end(subscriber);
    }
    return sent;
}

int sse_has(const struct sse *sse, const char *channel)
{
    const struct subscriber *subscriber;
    TAILQ_FOREACH(subscriber, &sse->subscribers, next)
    if (strcmp(subscriber->channel, channel) == 0) return 1;
    return 0;
}

void sse_drain(struct sse *sse)
{
    sse->is_draining = 1;
    while (!TAILQ_EMPTY(&sse->subscribers))
        ask_to_reconnect(TAILQ_FIRST(&sse->subscribers));
}

static int begins_with_words(const char *client, const char *words)
{
    size_t len = strlen(words);
    return strncmp(client, words, len) == 0 && (client[len] == '\0' || client[len] == ' ');
}

int sse_count(const struct sse *sse, const char *client)
{
    const struct subscriber *subscriber;
    int count = 0;
    TAILQ_FOREACH(subscriber, &sse->subscribers, next)
    if (!client || begins_with_words(subscriber->client, client)) count++;
    return count;
}
