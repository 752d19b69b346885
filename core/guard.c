#include "guard.h"
#include "http_text.h"
#include "mem.h"

#include <ctype.h>
#include <strings.h>

enum {
    METHOD_BYTES_MAX = 20,
    VERSION_BYTES_MAX = 8,
    BLANK_BYTES_MAX = 8,  /* empty lines before a request: some old clients send one after a body */
    CHUNK_DIGITS_MAX = 16 /* of a chunk's size, leading zeros too */
};

/* What must come next. Up to CHUNK_EXTENSION the bytes count as the head's. */
enum state {
    START, /* a request, or the CR of an empty line before it */
    START_LF,
    METHOD,
    TARGET,
    PROTOCOL,
    PROTOCOL_LF,
    FIELD_START, /* a field, or the CR of the empty line behind the last one */
    NAME,
    VALUE_START, /* blanks in front of a value */
    VALUE,
    VALUE_LF,
    HEAD_LF,
    CHUNK_EXTENSION,
    CHUNK_SIZE,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    BODY,
};

/* What happens to a byte. */
enum verdict { KEEP, DROP, REFUSED };

static enum verdict refuse(struct guard *guard, int status, const char *code, const char *detail)
{
    guard->refusal = (struct guard_refusal){ status, code, detail };
    return REFUSED;
}

static enum verdict bad(struct guard *guard, const char *detail)
{
    return refuse(guard, 400, "bad_request", detail);
}

static enum verdict keep(struct guard *guard, enum state next)
{
    guard->now.state = next;
    return KEEP;
}

static enum verdict drop(struct guard *guard, enum state next)
{
    guard->now.state = next;
    return DROP;
}

/* --- tokens: what is being read, at the end of the request's text --- */

static struct bytes *text_of(struct guard *guard)
{
    return &guard->reading->text;
}

static void token_begin(struct guard *guard)
{
    guard->now.token = (uint32_t)text_of(guard)->len;
}

static void token_put(struct guard *guard, unsigned char c)
{
    bytes_add_char(text_of(guard), (char)c);
}

/* Removes the token from the text. */
static void token_remove(struct guard *guard)
{
    text_of(guard)->len = guard->now.token;
}

static const char *token(const struct guard *guard)
{
    return guard_request_text(guard->reading, guard->now.token);
}

static size_t token_len(const struct guard *guard)
{
    return guard->reading->text.len - guard->now.token;
}

static int token_is(const struct guard *guard, const char *text)
{
    return token_len(guard) == strlen(text) && memcmp(token(guard), text, strlen(text)) == 0;
}

/* --- the request line --- */

static enum verdict read_start(struct guard *guard, unsigned char c)
{
    if (c == '\r' && guard->now.head <= BLANK_BYTES_MAX) return drop(guard, START_LF);
    if (!http_is(c, HTTP_TOKEN))
        return bad(guard, "This is not HTTP/1.1: a request starts with its method.");
    guard->reading = guard_request_new();
    guard->reading->text.len = 0;
    token_put(guard, c);
    return keep(guard, METHOD);
}

static enum verdict end_method(struct guard *guard)
{
    static const char *const known[] = {
        "GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!token_is(guard, known[i])) continue;
        guard->reading->method = known[i];
        guard->now.is_head = token_is(guard, "HEAD");
        token_remove(guard);
        return keep(guard, TARGET);
    }
    if (token_is(guard, "TRACE") || token_is(guard, "CONNECT"))
        return refuse(guard, 405, "method_not_allowed", "This method is not served here.");
    return refuse(guard, 501, "method_unknown", "The request's method is unknown.");
}

static enum verdict read_method(struct guard *guard, unsigned char c)
{
    if (c == ' ') return end_method(guard);
    if (token_len(guard) == METHOD_BYTES_MAX)
        return refuse(guard, 501, "method_unknown", "The request's method is unknown.");
    return bad(guard, "After the method comes one space, and then the target.");
}

static enum verdict read_target(struct guard *guard, unsigned char c)
{
    if (c == ' ') {
        token_put(guard, '\0');
        if (guard_request_split_target(guard->reading) != 0)
            return bad(guard, "The request's target must be a path that starts with one slash.");
        token_begin(guard);
        return keep(guard, PROTOCOL);
    }
    if (token_len(guard) == guard->limits->target_bytes)
        return refuse(guard, 414, "target_too_long", "The request's target is too long.");
    return bad(guard, "The request's target holds a byte that must be percent-encoded.");
}

static enum verdict read_version(struct guard *guard, unsigned char c)
{
    token_put(guard, '\0');
    const char *version = token(guard);
    int is_version = strncmp(version, "HTTP/", 5) == 0 && isdigit((unsigned char)version[5]) &&
                     version[6] == '.' && isdigit((unsigned char)version[7]);
    if (c != '\r' || !is_version)
        return bad(guard, "After the target come one space, HTTP/1.1, and the line's end.");
    guard->reading->http11 = strcmp(version, "HTTP/1.1") == 0;
    if (!guard->reading->http11 && strcmp(version, "HTTP/1.0") != 0)
        return refuse(guard, 505, "version_unknown", "This server speaks HTTP/1.1 and HTTP/1.0.");
    token_remove(guard);
    return keep(guard, PROTOCOL_LF);
}

/* --- fields --- */

static enum verdict read_field_start(struct guard *guard, unsigned char c)
{
    struct guard_message *now = &guard->now;
    if (c == '\r') return keep(guard, HEAD_LF);
    if (!http_is(c, HTTP_TOKEN))
        return bad(guard,
                   "A header field starts with its name, and is not continued on a second line.");
    if (++now->fields > guard->limits->fields)
        return refuse(guard, 431, "too_many_headers", "The request has too many header fields.");
    if (now->in_trailer) {
        now->is_hidden = 1;
        return drop(guard, NAME);
    }
    token_begin(guard);
    now->name = now->token;
    token_put(guard, c);
    return keep(guard, NAME);
}

static enum verdict read_name(struct guard *guard, unsigned char c)
{
    if (c != ':')
        return bad(guard, "A header field's name is a token, with the colon right behind it.");
    if (!guard->now.in_trailer) {
        http_lower(text_of(guard)->data + guard->now.token, token_len(guard));
        token_put(guard, '\0');
        token_begin(guard);
    }
    return keep(guard, VALUE_START);
}

static enum verdict read_value(struct guard *guard, unsigned char c)
{
    if (c == '\r') return keep(guard, VALUE_LF);
    if (!http_is(c, HTTP_VALUE)) return bad(guard, "A header field's value holds a control byte.");
    if (!guard->now.in_trailer) token_put(guard, c);
    return keep(guard, VALUE);
}

/* evhttp skips spaces in front of a value, but not tabs. */
static enum verdict read_value_start(struct guard *guard, char *byte)
{
    if (*byte == '\t') *byte = ' ';
    return *byte == ' ' ? KEEP : read_value(guard, (unsigned char)*byte);
}

static enum verdict end_field(struct guard *guard)
{
    struct bytes *text = text_of(guard);
    while (token_len(guard) > 0 && strchr(" \t", text->data[text->len - 1]))
        text->len--;
    token_put(guard, '\0');
    const struct guard_limits *limits = guard->limits;
    guard->refusal = guard_framing_read(
        &guard->now.framing, limits->takes_long_body ? limits->long_body_bytes : limits->body_bytes,
        guard_request_text(guard->reading, guard->now.name), token(guard));
    guard_request_add_field(guard->reading, guard->now.name, guard->now.token);
    return guard->refusal.status ? REFUSED : KEEP;
}

static enum verdict end_line(struct guard *guard)
{
    struct guard_message *now = &guard->now;
    if (now->state == VALUE_LF && !now->in_trailer && end_field(guard) == REFUSED) return REFUSED;
    now->is_hidden = now->is_head && now->in_trailer;
    return keep(guard, FIELD_START);
}

/* The request goes to those who can be taken. */
static void complete(struct guard *guard)
{
    if (guard->complete)
        guard->newest->next = guard->reading;
    else
        guard->complete = guard->reading;
    guard->newest = guard->reading;
    guard->reading = NULL;
}

static enum verdict finish(struct guard *guard)
{
    if (guard->reading) complete(guard);
    guard->now = (struct guard_message){ .state = START };
    return KEEP;
}

static enum verdict too_large(struct guard *guard)
{
    return refuse(guard, 413, "body_too_large", "The request's body is too large.");
}

static int64_t body_max(const struct guard *guard)
{
    return guard->now.is_long ? guard->limits->long_body_bytes : guard->limits->body_bytes;
}

static int may_be_long(const struct guard *guard)
{
    const struct guard_limits *limits = guard->limits;
    int has_short = !guard->now.framing.is_chunked && guard->now.left <= limits->body_bytes;
    return !has_short && limits->takes_long_body &&
           limits->takes_long_body(guard->reading, limits->arg);
}

static enum verdict end_head(struct guard *guard)
{
    struct guard_message *now = &guard->now;
    if (now->in_trailer) return finish(guard);
    struct guard_request *request = guard->reading;
    guard->refusal = guard_framing_end(&now->framing, request);
    if (guard->refusal.status) return REFUSED;
    now->left = now->framing.length;
    now->is_long = may_be_long(guard);
    if (now->left > body_max(guard)) return too_large(guard);
    const char *connection = guard_request_field(request, "connection");
    request->close = http_list_has(connection, "close") ||
                     (!request->http11 && !http_list_has(connection, "keep-alive"));
    if (!now->framing.is_chunked && now->left == 0) return finish(guard);
    now->is_hidden = now->is_head;
    if (now->is_head) complete(guard); /* evhttp expects no body behind it */
    return keep(guard, now->framing.is_chunked ? CHUNK_SIZE : BODY);
}

/* --- the body --- */

static enum verdict read_chunk_size(struct guard *guard, unsigned char c)
{
    struct guard_message *now = &guard->now;
    int digit = http_hex_digit(c);
    if (now->digits > 0 && c == '\r') return keep(guard, CHUNK_SIZE_LF);
    if (now->digits > 0 && c == ';') return drop(guard, CHUNK_EXTENSION);
    if (digit < 0 || ++now->digits > CHUNK_DIGITS_MAX)
        return bad(guard, "A chunk's size must be a hexadecimal number and nothing else.");
    if (now->left <= body_max(guard)) now->left = now->left * 16 + digit;
    return KEEP;
}

static enum verdict read_chunk_extension(struct guard *guard, unsigned char c)
{
    if (c == '\r') return keep(guard, CHUNK_SIZE_LF);
    return http_is(c, HTTP_VALUE) ? DROP : bad(guard, "A chunk's extension holds a control byte.");
}

static enum verdict end_chunk_size(struct guard *guard)
{
    struct guard_message *now = &guard->now;
    now->digits = 0;
    now->in_trailer = now->left == 0;
    if (now->in_trailer) return keep(guard, FIELD_START);
    if (now->left > body_max(guard) - now->body) return too_large(guard);
    now->body += now->left;
    return keep(guard, CHUNK_DATA);
}

static enum verdict read_chunk_data_end(struct guard *guard, unsigned char c)
{
    int is_cr = guard->now.state == CHUNK_DATA_CR;
    if (c != (is_cr ? '\r' : '\n')) return bad(guard, "A chunk is longer than its size says.");
    return keep(guard, is_cr ? CHUNK_DATA_LF : CHUNK_SIZE);
}

/* --- all of it --- */

static int wants_lf(enum state state)
{
    return state == START_LF || state == PROTOCOL_LF || state == VALUE_LF || state == HEAD_LF ||
           state == CHUNK_SIZE_LF;
}

static enum verdict read_byte(struct guard *guard, char *byte)
{
    unsigned char c = (unsigned char)*byte;
    enum state state = guard->now.state;
    if (state <= CHUNK_EXTENSION && guard->now.head++ == guard->limits->head_bytes)
        return refuse(guard, 431, "headers_too_large",
                      "The request's header fields are too large. In a browser: delete the "
                      "cookies of this site and of the domain above it, and reload.");
    if (wants_lf(state) && c != '\n')
        return bad(guard, "A carriage return must be followed by a line feed.");
    switch (state) {
    case START: return read_start(guard, c);
    case START_LF: return drop(guard, START);
    case METHOD: return read_method(guard, c);
    case TARGET: return read_target(guard, c);
    case PROTOCOL: return read_version(guard, c);
    case PROTOCOL_LF:
    case VALUE_LF: return end_line(guard);
    case FIELD_START: return read_field_start(guard, c);
    case NAME: return read_name(guard, c);
    case VALUE_START: return read_value_start(guard, byte);
    case VALUE: return read_value(guard, c);
    case HEAD_LF: return end_head(guard);
    case CHUNK_EXTENSION: return read_chunk_extension(guard, c);
    case CHUNK_SIZE: return read_chunk_size(guard, c);
    case CHUNK_SIZE_LF: return end_chunk_size(guard);
    default: return read_chunk_data_end(guard, c);
    }
}

static size_t skip_body(struct guard *guard, size_t len)
{
    struct guard_message *now = &guard->now;
    size_t n = (uint64_t)now->left < len ? (size_t)now->left : len;
    now->left -= (int64_t)n;
    if (now->left > 0) return n;
    if (now->state == BODY)
        finish(guard);
    else
        now->state = CHUNK_DATA_CR;
    return n;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The token's bytes; what ends it, or is one too many, is left to read_byte(). */
static size_t skip_token(struct guard *guard, const char *bytes, size_t len, enum http_class class,
                         size_t max)
{
    struct guard_message *now = &guard->now;
    size_t room = min_size(len, guard->limits->head_bytes - now->head);
    if (!now->in_trailer) room = min_size(room, max - token_len(guard));
    size_t n = http_span(bytes, room, class);
    now->head += (uint32_t)n;
    if (!now->in_trailer) bytes_add(text_of(guard), bytes, n);
    return n;
}

/* Reads many bytes at once where all get the same verdict. Returns how many. */
static size_t skip(struct guard *guard, const char *bytes, size_t len)
{
    switch (guard->now.state) {
    case BODY:
    case CHUNK_DATA: return skip_body(guard, len);
    case METHOD: return skip_token(guard, bytes, len, HTTP_TOKEN, METHOD_BYTES_MAX);
    case TARGET: return skip_token(guard, bytes, len, HTTP_TARGET, guard->limits->target_bytes);
    case PROTOCOL: return skip_token(guard, bytes, len, HTTP_TARGET, VERSION_BYTES_MAX);
    case NAME: return skip_token(guard, bytes, len, HTTP_TOKEN, SIZE_MAX);
    case VALUE: return skip_token(guard, bytes, len, HTTP_VALUE, SIZE_MAX);
    default: return 0;
    }
}

void guard_init(struct guard *guard, const struct guard_limits *limits)
{
    *guard = (struct guard){ .limits = limits };
}

void guard_fini(struct guard *guard)
{
    struct guard_request *request;
    while ((request = guard_take(guard)))
        guard_request_free(request);
    guard_request_free(guard->reading);
    guard->reading = NULL;
}

size_t guard_feed(struct guard *guard, char *bytes, size_t len)
{
    size_t kept = 0;
    for (size_t at = 0, n; at < len && !guard->refusal.status; at += n) {
        int is_hidden = guard->now.is_hidden;
        enum verdict verdict = KEEP;
        n = skip(guard, bytes + at, len - at);
        if (n == 0) {
            verdict = read_byte(guard, bytes + at);
            n = 1;
        }
        if (verdict != KEEP || is_hidden) continue;
        if (kept != at) memmove(bytes + kept, bytes + at, n);
        kept += n;
    }
    return kept;
}

struct guard_request *guard_take(struct guard *guard)
{
    struct guard_request *request = guard->complete;
    if (!request) return NULL;
    guard->complete = request->next;
    request->next = NULL;
    return request;
}

void guard_stop(struct guard *guard)
{
    guard->refusal.status = GUARD_STOPPED;
}

int guard_in_message(const struct guard *guard)
{
    return guard->now.state > START_LF;
}

int guard_in_head(const struct guard *guard)
{
    return guard_in_message(guard) && guard->now.state <= HEAD_LF && !guard->now.in_trailer;
}

int guard_is_head(const struct guard *guard)
{
    return guard->now.is_head;
}
