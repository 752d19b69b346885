/* The guard: any bytes, whole and in pieces. What gets through and how it ends must be the same,
 * and what got through must be something that gets through again. */
#include "fuzz.h"
#include "guard.h"

static const struct guard_limits limits = {
    .head_bytes = 2048, .target_bytes = 512, .fields = 20, .body_bytes = 1024
};

struct outcome {
    struct guard guard;
    char *kept;
    size_t len;
};

/* piece 0: all at once; else at most so many bytes at a time, growing and shrinking. */
static struct outcome feed(const void *data, size_t size, size_t piece)
{
    struct outcome outcome = { .kept = malloc(size + 1) };

    guard_init(&outcome.guard, &limits);
    for (size_t at = 0, n, turn = 0; at < size; at += n) {
        n = piece ? 1 + turn++ * 7 % piece : size;
        if (n > size - at) n = size - at;
        char *part = fuzz_text((const uint8_t *)data + at, n);
        size_t kept = guard_feed(&outcome.guard, part, n);
        FUZZ_CHECK(kept <= n);
        memcpy(outcome.kept + outcome.len, part, kept);
        outcome.len += kept;
        free(part);
    }
    return outcome;
}

static void same(const struct outcome *a, const struct outcome *b)
{
    FUZZ_CHECK(a->guard.status == b->guard.status && a->guard.code == b->guard.code &&
               a->guard.detail == b->guard.detail);
    FUZZ_CHECK(a->guard.messages == b->guard.messages &&
               guard_in_head(&a->guard) == guard_in_head(&b->guard));
    FUZZ_CHECK(a->len == b->len && memcmp(a->kept, b->kept, a->len) == 0);
}

/* A HEAD is through without its body, so a second reading would take what follows for it. */
static void check_second_reading(const struct outcome *first)
{
    if (memmem(first->kept, first->len, "HEAD", 4)) return;
    struct outcome second = feed(first->kept, first->len, 0);
    FUZZ_CHECK(second.guard.status == 0 && second.guard.messages == first->guard.messages);
    FUZZ_CHECK(second.len == first->len && memcmp(second.kept, first->kept, second.len) == 0);
    free(second.kept);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = { 1, 2, 5, 64 };
    struct outcome whole = feed(data, size, 0);

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct outcome other = feed(data, size, pieces[i]);
        same(&whole, &other);
        free(other.kept);
    }
    check_second_reading(&whole);
    free(whole.kept);
    return 0;
}
