/* The guard: any bytes, whole and in pieces. What gets through, what is read of it, and how it ends
 * must be the same; and what got through must get through again. */
#include "fuzz.h"
#include "guard.h"

static const struct guard_limits limits = {
    .head_bytes = 2048, .target_bytes = 512, .fields = 20, .body_bytes = 1024
};

struct outcome {
    struct guard_refusal refusal;
    int in_head;
    unsigned nrequests;
    char *kept; /* what gets through */
    size_t len;
    struct bytes read; /* what is read of it */
};

static void take_requests(struct outcome *outcome, struct guard *guard)
{
    struct guard_request *request;
    for (; (request = guard_take(guard)); outcome->nrequests++) {
        bytes_printf(&outcome->read, "%s %s?%s %d %d\n", request->method,
                     guard_request_text(request, request->path),
                     guard_request_text(request, request->query), request->http11, request->close);
        for (uint32_t i = 0; i < request->nfields; i++)
            bytes_printf(&outcome->read, "%s: %s\n",
                         guard_request_text(request, request->fields[i].name),
                         guard_request_text(request, request->fields[i].value));
        guard_request_free(request);
    }
}

/* piece 0: all at once; else at most this many bytes at a time, growing and shrinking. */
static struct outcome feed(const void *data, size_t size, size_t piece)
{
    struct outcome outcome = { .kept = malloc(size + 1) };
    struct guard guard;
    guard_init(&guard, &limits);
    for (size_t at = 0, n, turn = 0; at < size; at += n) {
        n = piece ? 1 + turn++ * 7 % piece : size;
        if (n > size - at) n = size - at;
        char *part = fuzz_text((const uint8_t *)data + at, n);
        size_t kept = guard_feed(&guard, part, n);
        FUZZ_CHECK(kept <= n);
        memcpy(outcome.kept + outcome.len, part, kept);
        outcome.len += kept;
        free(part);
    }
    take_requests(&outcome, &guard);
    outcome.refusal = guard.refusal;
    outcome.in_head = guard_in_head(&guard);
    guard_fini(&guard);
    return outcome;
}

static void release(struct outcome *outcome)
{
    free(outcome->kept);
    bytes_free(&outcome->read);
}

static void same(const struct outcome *a, const struct outcome *b)
{
    FUZZ_CHECK(a->refusal.status == b->refusal.status && a->refusal.code == b->refusal.code &&
               a->refusal.detail == b->refusal.detail);
    FUZZ_CHECK(a->nrequests == b->nrequests && a->in_head == b->in_head);
    FUZZ_CHECK(a->len == b->len && memcmp(a->kept, b->kept, a->len) == 0);
    FUZZ_CHECK(a->read.len == b->read.len &&
               (a->read.len == 0 || memcmp(a->read.data, b->read.data, a->read.len) == 0));
}

/* A HEAD is through without its body, so a second reading would take what follows for it. */
static void check_second_reading(const struct outcome *first)
{
    if (memmem(first->kept, first->len, "HEAD", 4)) return;
    struct outcome second = feed(first->kept, first->len, 0);
    FUZZ_CHECK(second.refusal.status == 0 && second.nrequests == first->nrequests);
    FUZZ_CHECK(second.len == first->len && memcmp(second.kept, first->kept, second.len) == 0);
    release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = { 1, 2, 5, 64 };
    struct outcome whole = feed(data, size, 0);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct outcome other = feed(data, size, pieces[i]);
        same(&whole, &other);
        release(&other);
    }
    check_second_reading(&whole);
    release(&whole);
    return 0;
}
