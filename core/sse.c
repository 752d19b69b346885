#include "sse.h"
#include "httpd.h"
#include "loop.h"
#include "mem.h"

#include <inttypes.h>
#include <sys/queue.h>

enum {
    BUCKETS = 1024,
    SLOTS = 10, /* one a second has its heartbeat, so each stream gets one every ten */
    SLOT_MS = 1000,
    RETRY_MS = 2000,
    DRAIN_RETRY_MS = 1000, /* and up to DRAIN_SPREAD_MS more */
    DRAIN_SPREAD_MS = 2000,
};

struct subscriber {
    TAILQ_ENTRY(subscriber) in_channel, in_slot;
    struct sse *sse;
    struct channel *channel;
    struct httpd_request *request;
    int slot;
    int64_t last_id;
    char client[SSE_CLIENT_LEN + 1];
};
TAILQ_HEAD(subscribers, subscriber);

struct channel {
    struct channel *next; /* in its bucket */
    struct subscribers subscribers;
    char name[];
};

struct text {
    char *bytes;
    size_t len, room;
};

struct sse {
    struct loop *loop;
    struct channel *buckets[BUCKETS];
    struct subscribers slots[SLOTS];
    struct loop_timer *heartbeat; /* NULL while nobody listens */
    int slot, count, draining;
    unsigned spread;
    struct text frame;
};

/* ---- framing ---- */

static void put(struct text *text, const char *bytes, size_t len)
{
    if (text->len + len > text->room) {
        text->room = (text->len + len) * 2;
        text->bytes = mem_grow(text->bytes, text->room, 1);
    }
    if (len > 0) memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

static size_t line_len(const char *data, size_t len)
{
    size_t i = 0;
    while (i < len && data[i] != '\n' && data[i] != '\r')
        i++;
    return i;
}

/* A line break in the data starts another "data:" line; the browser puts them together again. */
static void put_data(struct text *text, const char *data, size_t len)
{
    for (;;) {
        size_t line = line_len(data, len);
        put(text, "data: ", 6);
        put(text, data, line);
        put(text, "\n", 1);
        if (line == len) return;
        size_t end =
            line + 1 < len && data[line] == '\r' && data[line + 1] == '\n' ? line + 2 : line + 1;
        data += end;
        len -= end;
    }
}

static void put_event(struct text *text, const struct sse_event *event)
{
    char id[40];
    size_t name = line_len(event->event, strlen(event->event));
    put(text, id, (size_t)snprintf(id, sizeof id, "id: %" PRId64 "\nevent: ", event->id));
    put(text, event->event, name);
    put(text, "\n", 1);
    put_data(text, event->data, event->len);
    put(text, "\n", 1);
}

static void put_retry(struct text *text, int ms)
{
    char line[40];
    put(text, line, (size_t)snprintf(line, sizeof line, "retry: %d\n\n", ms));
}

/* ---- channels ---- */

static struct channel **bucket_of(struct sse *sse, const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return &sse->buckets[hash % BUCKETS];
}

static struct channel *channel_find(struct sse *sse, const char *name)
{
    struct channel *channel = *bucket_of(sse, name);
    while (channel && strcmp(channel->name, name) != 0)
        channel = channel->next;
    return channel;
}

static struct channel *channel_get(struct sse *sse, const char *name)
{
    struct channel *channel = channel_find(sse, name), **bucket = bucket_of(sse, name);
    if (channel) return channel;
    channel = mem_new(1, sizeof *channel + strlen(name) + 1);
    strcpy(channel->name, name);
    TAILQ_INIT(&channel->subscribers);
    channel->next = *bucket;
    *bucket = channel;
    return channel;
}

static void channel_drop(struct sse *sse, struct channel *channel)
{
    struct channel **at = bucket_of(sse, channel->name);
    while (*at != channel)
        at = &(*at)->next;
    *at = channel->next;
    free(channel);
}

/* ---- subscribers ---- */

static void on_heartbeat(void *arg)
{
    struct sse *sse = arg;
    struct subscriber *subscriber;
    sse->slot = (sse->slot + 1) % SLOTS;
    TAILQ_FOREACH(subscriber, &sse->slots[sse->slot], in_slot)
    httpd_stream_write(subscriber->request, ":\n\n", 3);
}

static struct subscriber *subscriber_new(struct sse *sse, const char *channel)
{
    struct subscriber *subscriber = mem_new(1, sizeof *subscriber);
    subscriber->sse = sse;
    subscriber->channel = channel_get(sse, channel);
    subscriber->slot = sse->slot; /* its turn has just been */
    TAILQ_INSERT_TAIL(&subscriber->channel->subscribers, subscriber, in_channel);
    TAILQ_INSERT_TAIL(&sse->slots[subscriber->slot], subscriber, in_slot);
    if (sse->count++ == 0)
        sse->heartbeat = loop_timer_new(sse->loop, SLOT_MS, SLOT_MS, on_heartbeat, sse);
    return subscriber;
}

static void subscriber_end(struct subscriber *subscriber)
{
    struct sse *sse = subscriber->sse;
    struct channel *channel = subscriber->channel;
    TAILQ_REMOVE(&channel->subscribers, subscriber, in_channel);
    TAILQ_REMOVE(&sse->slots[subscriber->slot], subscriber, in_slot);
    if (TAILQ_EMPTY(&channel->subscribers)) channel_drop(sse, channel);
    if (--sse->count == 0) {
        loop_timer_free(sse->heartbeat);
        sse->heartbeat = NULL;
    }
    httpd_stream_end(subscriber->request);
    free(subscriber);
}

static void on_left(void *arg)
{
    subscriber_end(arg);
}

static void reconnect_soon(struct subscriber *subscriber)
{
    struct sse *sse = subscriber->sse;
    sse->spread = (sse->spread + 773) % DRAIN_SPREAD_MS;
    sse->frame.len = 0;
    put_retry(&sse->frame, DRAIN_RETRY_MS + (int)sse->spread);
    httpd_stream_write(subscriber->request, sse->frame.bytes, sse->frame.len);
    subscriber_end(subscriber);
}

/* Returns 1 when the last event of the stream was among them. */
static int replay_events(struct subscriber *subscriber, const struct sse_event *replay, int nreplay)
{
    struct text *frame = &subscriber->sse->frame;
    int last = 0;
    frame->len = 0;
    put_retry(frame, RETRY_MS);
    for (int i = 0; i < nreplay; i++) {
        last |= replay[i].last;
        if (replay[i].id <= subscriber->last_id) continue;
        put_event(frame, &replay[i]);
        subscriber->last_id = replay[i].id;
    }
    httpd_stream_write(subscriber->request, frame->bytes, frame->len);
    return last;
}

/* ---- the unit ---- */

struct sse *sse_new(struct loop *loop)
{
    struct sse *sse = mem_new(1, sizeof *sse);
    sse->loop = loop;
    for (int i = 0; i < SLOTS; i++)
        TAILQ_INIT(&sse->slots[i]);
    return sse;
}

static struct subscriber *any_subscriber(struct sse *sse)
{
    for (int i = 0; i < SLOTS; i++)
        if (!TAILQ_EMPTY(&sse->slots[i])) return TAILQ_FIRST(&sse->slots[i]);
    return NULL;
}

void sse_free(struct sse *sse)
{
    struct subscriber *subscriber;
    if (!sse) return;
    while ((subscriber = any_subscriber(sse)))
        subscriber_end(subscriber);
    free(sse->frame.bytes);
    free(sse);
}

void sse_subscribe(struct sse *sse, struct httpd_request *request, const char *client,
                   const char *channel, int64_t last_id, const struct sse_event *replay,
                   int nreplay)
{
    static const struct httpd_field fields[] = { { "Content-Type", "text/event-stream" },
                                                 { "Cache-Control", "no-cache" },
                                                 { "X-Accel-Buffering", "no" },
                                                 { 0 } };
    struct subscriber *subscriber = subscriber_new(sse, channel);
    subscriber->request = request;
    subscriber->last_id = last_id;
    snprintf(subscriber->client, sizeof subscriber->client, "%s", client);
    httpd_stream_start(request, 200, fields, on_left, subscriber);
    if (sse->draining)
        reconnect_soon(subscriber);
    else if (replay_events(subscriber, replay, nreplay))
        subscriber_end(subscriber);
}

int sse_publish(struct sse *sse, const char *channel_name, const struct sse_event *event)
{
    struct channel *channel = channel_find(sse, channel_name);
    struct subscriber *subscriber = channel ? TAILQ_FIRST(&channel->subscribers) : NULL, *next;
    int sent = 0;
    sse->frame.len = 0;
    if (subscriber) put_event(&sse->frame, event);
    for (; subscriber; subscriber = next) {
        next = TAILQ_NEXT(subscriber, in_channel);
        if (event->id > subscriber->last_id) {
            httpd_stream_write(subscriber->request, sse->frame.bytes, sse->frame.len);
            subscriber->last_id = event->id;
            sent++;
        }
        if (event->last) subscriber_end(subscriber);
    }
    return sent;
}

int sse_has(struct sse *sse, const char *channel)
{
    return channel_find(sse, channel) != NULL;
}

void sse_drain(struct sse *sse)
{
    struct subscriber *subscriber;
    sse->draining = 1;
    while ((subscriber = any_subscriber(sse)))
        reconnect_soon(subscriber);
}

int sse_count(const struct sse *sse, const char *client)
{
    const struct subscriber *subscriber;
    int count = 0;
    if (!client) return sse->count;
    for (int i = 0; i < SLOTS; i++)
        TAILQ_FOREACH(subscriber, &sse->slots[i], in_slot)
        count += strncmp(subscriber->client, client, SSE_CLIENT_LEN) == 0;
    return count;
}
