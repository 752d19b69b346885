#include "guard_framing.h"
#include "http_text.h"

#include <string.h>
#include <strings.h>

static const struct guard_refusal none;

static struct guard_refusal bad(const char *detail)
{
    return (struct guard_refusal){ 400, "bad_request", detail };
}

static struct guard_refusal read_host(struct guard_framing *framing, const char *value)
{
    if (framing->has_host) return bad("The request has more than one Host.");
    if (!http_is_authority(value, strlen(value)))
        return bad("The request's Host is not a valid host.");
    framing->has_host = 1;
    return none;
}

/* Two lengths are refused even when they agree. */
static struct guard_refusal read_length(struct guard_framing *framing, int64_t body_max,
                                        const char *value)
{
    uint64_t length;
    size_t len = strlen(value);
    if (framing->has_length || len == 0 || strspn(value, "0123456789") != len)
        return bad("The request's Content-Length must be one number, given once.");
    if (bytes_read_uint(value, len, (uint64_t)body_max, &length) != 0)
        return (struct guard_refusal){ 413, "body_too_large", "The request's body is too large." };
    framing->has_length = 1;
    framing->length = (int64_t)length;
    return none;
}

/* A body whose last coding is not chunked has no known end; a coding before it would have to be
 * undone. */
static struct guard_refusal read_coding(struct guard_framing *framing, const char *value)
{
    if (framing->is_chunked) return bad("The request has more than one Transfer-Encoding.");
    framing->is_chunked = 1;
    if (strcasecmp(value, "chunked") == 0) return none;
    const char *first = strcasestr(value, "chunked");
    if (first && first > value && !first[7] && strchr(", \t", first[-1]))
        return (struct guard_refusal){ 501, "coding_unknown",
                                       "The only Transfer-Encoding known here is chunked." };
    return bad("The request's Transfer-Encoding must be chunked.");
}

struct guard_refusal guard_framing_read(struct guard_framing *framing, int64_t body_max,
                                        const char *name, const char *value)
{
    if (strcmp(name, "host") == 0) return read_host(framing, value);
    if (strcmp(name, "content-length") == 0) return read_length(framing, body_max, value);
    if (strcmp(name, "transfer-encoding") == 0) return read_coding(framing, value);
    if (strcmp(name, "expect") == 0 && strcasecmp(value, "100-continue") != 0)
        framing->has_expectation = 1;
    return none;
}

struct guard_refusal guard_framing_end(const struct guard_framing *framing,
                                       const struct guard_request *request)
{
    const char *host = guard_request_field(request, "host");
    if (request->http11 && !host) return bad("The request has no Host.");
    if (request->is_absolute && (!host || strcasecmp(guard_request_text(request, 0), host) != 0))
        return bad("The request's target must name the same host as Host.");
    if (framing->is_chunked && framing->has_length)
        return bad("The request has both a Content-Length and a Transfer-Encoding.");
    if (framing->is_chunked && !request->http11) return bad("HTTP/1.0 has no Transfer-Encoding.");
    if (request->http11 && framing->has_expectation)
        return (struct guard_refusal){ 417, "expectation_failed",
                                       "The only expectation met here is 100-continue." };
    return none;
}
