/* guard_framing: the fields that decide where a request ends and whom it is for, and whether they
 * can be read in one way only. */
#ifndef GUARD_FRAMING_H
#define GUARD_FRAMING_H
#include "guard_request.h"

/* What to answer; status 0: nothing. */
struct guard_refusal {
    int status;
    const char *code;   /* a stable token */
    const char *detail; /* a sentence */
};

struct guard_framing {
    int64_t length; /* what Content-Length says */
    unsigned has_host : 1, has_length : 1, is_chunked : 1;
    unsigned has_expectation : 1; /* another one than 100-continue */
};

/* Takes note of one field line. Lengths above `body_max` are refused. */
struct guard_refusal guard_framing_read(struct guard_framing *framing, int64_t body_max,
                                        const char *name, const char *value);
/* Checks the whole head. */
struct guard_refusal guard_framing_end(const struct guard_framing *framing,
                                       const struct guard_request *request);
#endif
