#include "guard_internal.h"

#include <string.h>

enum {
    METHOD_LONGEST = 20,
    BLANKS = 8, /* bytes of empty lines before a request: some old clients send one after a body */
    CHUNK_DIGITS = 16, /* of a chunk's size, leading zeros too */
};

/* What must come next. Up to CHUNK_EXTENSION the bytes count as the head's. */
enum state {
    START, /* a request, or the CR of an empty line before it */
    START_LF,
    METHOD,
    TARGET_START,
    TARGET_SLASH,     /* what follows the first slash: no other one */
    TARGET_STAR,      /* what follows "*" */
    TARGET_SCHEME,    /* of an absolute target */
    TARGET_AUTHORITY, /* and its host and port */
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

enum fate guard_refuse(struct guard *guard, int status, const char *code, const char *detail)
{
    guard->status = status;
    guard->code = code;
    guard->detail = detail;
    return REFUSED;
}

enum fate guard_bad(struct guard *guard, const char *detail)
{
    return guard_refuse(guard, 400, "bad_request", detail);
}

static enum fate next(struct guard *guard, enum state state)
{
    guard->now.state = state;
    return KEEP;
}

/* ---- the request line ---- */

static enum fate start(struct guard *guard, unsigned char c)
{
    guard->now.word = 0;
    if (c == '\r' && guard->now.head <= BLANKS) {
        next(guard, START_LF);
        return DROP;
    }
    if (!guard_is(c, IS_TOKEN))
        return guard_bad(guard, "This is not HTTP/1.1: a request starts with its method.");
    guard_word_put(guard, c);
    return next(guard, METHOD);
}

static enum fate start_lf(struct guard *guard, unsigned char c)
{
    if (c != '\n') return guard_bad(guard, "A carriage return must be followed by a line feed.");
    next(guard, START);
    return DROP;
}

static enum fate method_end(struct guard *guard)
{
    static const char *const known[] = {
        "GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"
    };
    guard->now.is_head = guard_word_is(guard, "HEAD");
    guard->now.options = guard_word_is(guard, "OPTIONS");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (guard_word_is(guard, known[i])) return next(guard, TARGET_START);
    if (guard_word_is(guard, "TRACE") || guard_word_is(guard, "CONNECT"))
        return guard_refuse(guard, 405, "method_not_allowed", "This method is not served here.");
    return guard_refuse(guard, 501, "method_unknown", "Nobody here knows this method.");
}

static enum fate method(struct guard *guard, unsigned char c)
{
    if (c == ' ') return method_end(guard);
    if (!guard_is(c, IS_TOKEN))
        return guard_bad(guard, "After the method comes one space, and then the target.");
    if (guard->now.word == METHOD_LONGEST)
        return guard_refuse(guard, 501, "method_unknown", "Nobody here knows this method.");
    guard_word_put(guard, c);
    return KEEP;
}

static enum fate target_start(struct guard *guard, unsigned char c)
{
    guard->now.word = 0;
    if (c == '/') return next(guard, TARGET_SLASH);
    if (c == '*' && guard->now.options) return next(guard, TARGET_STAR);
    if (lower(c) != 'h')
        return guard_bad(guard, "The request's target must be a path that starts with one slash.");
    guard_word_put(guard, 'h');
    return next(guard, TARGET_SCHEME);
}

static enum fate target_scheme(struct guard *guard, unsigned char c)
{
    guard_word_put(guard, lower(c));
    size_t len = guard->now.word;
    if (guard_word_is(guard, "http://") || guard_word_is(guard, "https://")) {
        guard->now.word = 0;
        return next(guard, TARGET_AUTHORITY);
    }
    if (len >= 8 ||
        (memcmp(guard->word, "http://", len) != 0 && memcmp(guard->word, "https://", len) != 0))
        return guard_bad(guard, "The request's target must be a path that starts with one slash.");
    return KEEP;
}

static enum fate target(struct guard *guard, unsigned char c)
{
    if (c == ' ') {
        guard->now.word = 0;
        return next(guard, PROTOCOL);
    }
    if (!guard_is(c, IS_TARGET))
        return guard_bad(guard, "The request's target holds a byte that must be percent-encoded.");
    return next(guard, TARGET);
}

static enum fate target_authority(struct guard *guard, unsigned char c)
{
    if (c != '/' && c != '?' && c != ' ') {
        guard_word_put(guard, lower(c));
        return guard_is(c, IS_TARGET) ? KEEP : target(guard, c);
    }
    if (!guard_word_is_authority(guard))
        return guard_bad(guard, "The request's target names no valid host.");
    return c == '/' ? next(guard, TARGET_SLASH) : target(guard, c);
}

static enum fate target_slash(struct guard *guard, unsigned char c)
{
    if (c == '/')
        return guard_bad(guard, "The request's target must be a path that starts with one slash.");
    return target(guard, c);
}

static enum fate target_star(struct guard *guard, unsigned char c)
{
    return c == ' ' ? target(guard, c)
                    : guard_bad(guard,
                                "The request's target must be a path that starts with one slash.");
}

static enum fate version_end(struct guard *guard)
{
    const char *word = guard->word;
    guard->now.http11 = guard_word_is(guard, "HTTP/1.1");
    if (guard->now.http11 || guard_word_is(guard, "HTTP/1.0")) return next(guard, PROTOCOL_LF);
    if (guard->now.word == 8 && memcmp(word, "HTTP/", 5) == 0 && is_digit(word[5]) &&
        word[6] == '.' && is_digit(word[7]))
        return guard_refuse(guard, 505, "version_unknown",
                            "This server speaks HTTP/1.1 and HTTP/1.0.");
    return guard_bad(guard, "After the target come one space, HTTP/1.1, and the line's end.");
}

static enum fate version(struct guard *guard, unsigned char c)
{
    if (c == '\r') return version_end(guard);
    if (!guard_is(c, IS_TARGET) || guard->now.word == 8)
        return guard_bad(guard, "After the target come one space, HTTP/1.1, and the line's end.");
    guard_word_put(guard, c);
    return KEEP;
}

/* ---- fields ---- */

static enum fate field_start(struct guard *guard, unsigned char c)
{
    struct guard_message *now = &guard->now;
    now->word = 0;
    if (c == '\r') return next(guard, HEAD_LF);
    if (!guard_is(c, IS_TOKEN))
        return guard_bad(
            guard, "A header field starts with its name, and is not continued on a second line.");
    if (++now->fields > guard->limits->fields)
        return guard_refuse(guard, 431, "too_many_headers",
                            "The request has too many header fields.");
    guard_word_put(guard, lower(c));
    next(guard, NAME);
    if (!now->trailer) return KEEP;
    now->hide = 1;
    return DROP;
}

static enum fate name(struct guard *guard, unsigned char c)
{
    if (c == ':') {
        guard->now.field = (uint8_t)guard_field_kind(guard);
        guard->now.word = 0;
        return next(guard, VALUE_START);
    }
    if (!guard_is(c, IS_TOKEN))
        return guard_bad(guard,
                         "A header field's name is one word, with the colon right behind it.");
    guard_word_put(guard, lower(c));
    return KEEP;
}

static enum fate value(struct guard *guard, unsigned char c)
{
    if (c == '\r') return next(guard, VALUE_LF);
    if (!guard_is(c, IS_VALUE))
        return guard_bad(guard, "A header field's value holds a control byte.");
    if (guard->now.field != FIELD_OTHER) guard_word_put(guard, lower(c));
    return next(guard, VALUE);
}

/* A parser that skips spaces in front of a value may not skip tabs. */
static enum fate value_start(struct guard *guard, char *byte)
{
    if (*byte == '\t') *byte = ' ';
    return *byte == ' ' ? KEEP : value(guard, (unsigned char)*byte);
}

static enum fate line_end(struct guard *guard, unsigned char c)
{
    if (c != '\n') return guard_bad(guard, "A carriage return must be followed by a line feed.");
    if (guard->now.state == VALUE_LF && guard_field_end(guard) == REFUSED) return REFUSED;
    guard->now.hide = guard->now.is_head && guard->now.trailer;
    return next(guard, FIELD_START);
}

static enum fate finish(struct guard *guard)
{
    if (!guard->now.hide) guard->messages++;
    guard->now = (struct guard_message){ .state = START };
    return KEEP;
}

static enum fate head_end(struct guard *guard, unsigned char c)
{
    struct guard_message *now = &guard->now;
    if (c != '\n') return guard_bad(guard, "A carriage return must be followed by a line feed.");
    if (now->trailer) return finish(guard);
    if (now->http11 && !now->host) return guard_bad(guard, "The request has no Host.");
    if (now->chunked && now->length)
        return guard_bad(guard, "The request has both a Content-Length and a Transfer-Encoding.");
    if (now->chunked && !now->http11) return guard_bad(guard, "HTTP/1.0 has no Transfer-Encoding.");
    if (now->http11 && now->expects)
        return guard_refuse(guard, 417, "expectation_failed",
                            "The only expectation met here is 100-continue.");
    if (!now->chunked && now->left == 0) return finish(guard);
    now->hide = now->is_head;
    if (now->hide) guard->messages++; /* to the parser it is whole */
    next(guard, now->chunked ? CHUNK_SIZE : BODY);
    return KEEP;
}

/* ---- the body ---- */

static int digit_of(unsigned char c)
{
    if (is_digit((char)c)) return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum fate chunk_size(struct guard *guard, unsigned char c)
{
    struct guard_message *now = &guard->now;
    int digit = digit_of(c);
    if (digit < 0 && now->digits > 0 && c == '\r') return next(guard, CHUNK_SIZE_LF);
    if (digit < 0 && now->digits > 0 && c == ';') {
        next(guard, CHUNK_EXTENSION);
        return DROP;
    }
    if (digit < 0 || ++now->digits > CHUNK_DIGITS)
        return guard_bad(guard, "A chunk's size must be a hexadecimal number and nothing else.");
    now->left = now->left > guard->limits->body_bytes ? now->left : now->left * 16 + digit;
    return KEEP;
}

static enum fate chunk_extension(struct guard *guard, unsigned char c)
{
    if (c == '\r') return next(guard, CHUNK_SIZE_LF);
    return guard_is(c, IS_VALUE) ? DROP
                                 : guard_bad(guard, "A chunk's extension holds a control byte.");
}

static enum fate chunk_size_end(struct guard *guard, unsigned char c)
{
    struct guard_message *now = &guard->now;
    if (c != '\n') return guard_bad(guard, "A carriage return must be followed by a line feed.");
    now->digits = 0;
    now->trailer = now->left == 0;
    if (now->trailer) return next(guard, FIELD_START);
    if (now->left > guard->limits->body_bytes - now->body)
        return guard_refuse(guard, 413, "body_too_large", "The request's body is too large.");
    now->body += now->left;
    return next(guard, CHUNK_DATA);
}

static enum fate chunk_data_end(struct guard *guard, unsigned char c)
{
    int cr = guard->now.state == CHUNK_DATA_CR;
    if (c != (cr ? '\r' : '\n')) return guard_bad(guard, "A chunk is longer than its size says.");
    return next(guard, cr ? CHUNK_DATA_LF : CHUNK_SIZE);
}

/* ---- all of it ---- */

static enum fate too_large(struct guard *guard)
{
    return guard_refuse(guard, 431, "headers_too_large",
                        "The request's header fields are too large.");
}

static enum fate read_target(struct guard *guard, unsigned char c)
{
    if (c != ' ' && guard->now.target++ == guard->limits->target_bytes)
        return guard_refuse(guard, 414, "target_too_long", "The request's target is too long.");
    switch (guard->now.state) {
    case TARGET_START:
        return target_start(guard, c);
    case TARGET_SLASH:
        return target_slash(guard, c);
    case TARGET_STAR:
        return target_star(guard, c);
    case TARGET_SCHEME:
        return target_scheme(guard, c);
    case TARGET_AUTHORITY:
        return target_authority(guard, c);
    default:
        return target(guard, c);
    }
}

static enum fate read_byte(struct guard *guard, char *byte)
{
    unsigned char c = (unsigned char)*byte;
    enum state state = guard->now.state;
    if (state <= CHUNK_EXTENSION && guard->now.head++ == guard->limits->head_bytes)
        return too_large(guard);
    if (state >= TARGET_START && state <= TARGET) return read_target(guard, c);
    switch (state) {
    case START:
        return start(guard, c);
    case START_LF:
        return start_lf(guard, c);
    case METHOD:
        return method(guard, c);
    case PROTOCOL:
        return version(guard, c);
    case PROTOCOL_LF:
    case VALUE_LF:
        return line_end(guard, c);
    case FIELD_START:
        return field_start(guard, c);
    case NAME:
        return name(guard, c);
    case VALUE_START:
        return value_start(guard, byte);
    case VALUE:
        return value(guard, c);
    case HEAD_LF:
        return head_end(guard, c);
    case CHUNK_EXTENSION:
        return chunk_extension(guard, c);
    case CHUNK_SIZE:
        return chunk_size(guard, c);
    case CHUNK_SIZE_LF:
        return chunk_size_end(guard, c);
    default:
        return chunk_data_end(guard, c);
    }
}

static size_t skip_body(struct guard *guard, size_t len)
{
    struct guard_message *now = &guard->now;
    size_t n = (uint64_t)now->left < len ? (size_t)now->left : len;
    now->left -= (int64_t)n;
    if (now->left == 0 && now->state == BODY)
        finish(guard);
    else if (now->left == 0)
        next(guard, CHUNK_DATA_CR);
    return n;
}

/* The bytes of a target, a name or a value; what ends it, or is one too many, is left to
 * read_byte(). */
static size_t skip_head(struct guard *guard, const char *bytes, size_t len)
{
    struct guard_message *now = &guard->now;
    unsigned class = now->state == TARGET ? IS_TARGET : now->state == NAME ? IS_TOKEN : IS_VALUE;
    size_t most = guard->limits->head_bytes - now->head, n = 0;
    if (now->state == TARGET && guard->limits->target_bytes - now->target < most)
        most = guard->limits->target_bytes - now->target;
    if (len < most) most = len;
    while (n < most && guard_is((unsigned char)bytes[n], class))
        n++;
    now->head += (uint32_t)n;
    if (now->state == TARGET) now->target += (uint32_t)n;
    if (now->state == NAME || (now->state == VALUE && now->field != FIELD_OTHER))
        guard_word_add(guard, bytes, n);
    return n;
}

/* Many bytes at once, where all have the same fate. Returns how many. */
static size_t skip(struct guard *guard, const char *bytes, size_t len)
{
    switch (guard->now.state) {
    case BODY:
    case CHUNK_DATA:
        return skip_body(guard, len);
    case TARGET:
    case NAME:
    case VALUE:
        return skip_head(guard, bytes, len);
    default:
        return 0;
    }
}

void guard_init(struct guard *guard, const struct guard_limits *limits)
{
    *guard = (struct guard){ .limits = limits };
}

size_t guard_feed(struct guard *guard, char *bytes, size_t len)
{
    size_t kept = 0;
    for (size_t at = 0, n; at < len && !guard->status; at += n) {
        int hide = guard->now.hide;
        enum fate fate = KEEP;
        n = skip(guard, bytes + at, len - at);
        if (n == 0) {
            fate = read_byte(guard, bytes + at);
            n = 1;
        }
        if (fate != KEEP || hide) continue;
        if (kept != at) memmove(bytes + kept, bytes + at, n);
        kept += n;
    }
    return kept;
}

void guard_stop(struct guard *guard)
{
    guard->status = GUARD_STOPPED;
}

int guard_in_message(const struct guard *guard)
{
    return guard->now.state > START_LF;
}

int guard_in_head(const struct guard *guard)
{
    return guard_in_message(guard) && guard->now.state <= HEAD_LF && !guard->now.trailer;
}

int guard_is_head(const struct guard *guard)
{
    return guard->now.is_head;
}
