#include "guard_request.h"
#include "http_text.h"
#include "mem.h"

#include <ctype.h>
#include <strings.h>

enum { TEXT_ROOM = 256 /* most heads fit */ };

struct guard_request *guard_request_new(void)
{
    struct guard_request *request = mem_new(1, sizeof *request);
    request->method = "GET";
    request->text.data = mem_grow(NULL, TEXT_ROOM, 1);
    request->text.room = TEXT_ROOM;
    bytes_add(&request->text, "/", 2);
    request->query = 1;
    return request;
}

void guard_request_free(struct guard_request *request)
{
    if (!request) return;
    bytes_free(&request->text);
    free(request->fields);
    free(request);
}

const char *guard_request_text(const struct guard_request *request, uint32_t offset)
{
    return request->text.data + offset;
}

static struct guard_field *find(const struct guard_request *request, const char *name)
{
    for (uint32_t i = 0; i < request->nfields; i++)
        if (strcmp(guard_request_text(request, request->fields[i].name), name) == 0)
            return &request->fields[i];
    return NULL;
}

const char *guard_request_field(const struct guard_request *request, const char *name)
{
    const struct guard_field *field = find(request, name);
    return field ? guard_request_text(request, field->value) : NULL;
}

/* Puts the separator and the last value behind the field's value, in the place of its NUL, and
 * removes the last line from its own place. */
static void join(struct guard_request *request, struct guard_field *field, uint32_t name,
                 uint32_t value)
{
    const char *separator = strcmp(guard_request_text(request, name), "cookie") == 0 ? "; " : ", ";
    char *added = mem_printf("%s%s", separator, guard_request_text(request, value));
    uint32_t len = (uint32_t)strlen(added);
    uint32_t end = field->value + (uint32_t)strlen(guard_request_text(request, field->value));
    request->text.len = name;
    bytes_add(&request->text, added, len); /* makes the room */
    memmove(request->text.data + end + len, request->text.data + end, name - end);
    memcpy(request->text.data + end, added, len);
    for (uint32_t i = 0; i < request->nfields; i++) {
        if (request->fields[i].name <= field->value) continue;
        request->fields[i].name += len;
        request->fields[i].value += len;
    }
    free(added);
}

void guard_request_add_field(struct guard_request *request, uint32_t name, uint32_t value)
{
    struct guard_field *same = find(request, guard_request_text(request, name));
    if (same) {
        join(request, same, name, value);
        return;
    }
    uint32_t n = request->nfields++;
    if (n % 8 == 0) request->fields = mem_grow(request->fields, n + 8, sizeof *request->fields);
    request->fields[n] = (struct guard_field){ name, value };
}

/* Moves the authority of an absolute target to the front of the text. Returns the offset of what
 * follows it; 0 when the target is not an http(s) URL with a valid host. */
static uint32_t split_authority(struct guard_request *request)
{
    char *target = request->text.data;
    size_t scheme = 0;
    if (strncasecmp(target, "http://", 7) == 0) scheme = 7;
    if (strncasecmp(target, "https://", 8) == 0) scheme = 8;
    if (scheme == 0) return 0;
    size_t len = strcspn(target + scheme, "/?");
    if (!http_is_authority(target + scheme, len)) return 0;
    memmove(target, target + scheme, len);
    target[len] = '\0';
    request->is_absolute = 1;
    return (uint32_t)(scheme + len);
}

/* Decodes, in place, what needs no encoding (RFC 3986, 6.2.2.2), so that /%68ealth is /health.
 * Nothing that separates or ends a path is decoded, and nothing twice: a path with a broken escape,
 * which decoding could complete, is left to the router to refuse. */
static void normalize(char *path)
{
    char *out = path;
    for (const char *c = path; (c = strchr(c, '%')); c++)
        if (http_escaped_byte(c, strlen(c)) < 0) return;
    for (size_t left = strlen(path); left > 0; left--) {
        int byte = http_escaped_byte(path, left);
        int is_plain = byte > 0 && (isalnum(byte) || strchr("-._~", byte));
        *out++ = is_plain ? (char)byte : *path;
        path += is_plain ? 3 : 1;
        left -= is_plain ? 2 : 0;
    }
    *out = '\0';
}

int guard_request_split_target(struct guard_request *request)
{
    const char *target = request->text.data;
    int is_star = strcmp(target, "*") == 0 && strcmp(request->method, "OPTIONS") == 0;
    request->path = is_star || *target == '/' ? 0 : split_authority(request);
    if (!is_star && *target != '/' && !request->is_absolute) return -1;
    const char *path = target + request->path;
    if (path[0] == '/' && path[1] == '/') return -1;
    uint32_t path_len = (uint32_t)strcspn(path, "?");
    request->query = request->path + path_len + (path[path_len] == '?');
    request->text.data[request->path + path_len] = '\0';
    normalize(request->text.data + request->path);
    if (path_len > 0) return 0;
    request->path = (uint32_t)request->text.len;
    bytes_add(&request->text, "/", 2);
    return 0;
}

/* --- framing --- */

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
