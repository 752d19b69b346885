#include "log.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 256 * 1024,
    VALUE_BYTES = 8192, /* of one value; the rest is cut */
    STRAY_BYTES = 2048,
    PIPE_BYTES = 4096, /* what a pipe that polls writable takes without blocking */
};

/* Where text is put; once something did not fit, `full` says so and nothing more is put. */
struct text {
    char *at, *limit;
    int full;
};

static char
    buffer[BUFFER_BYTES]; /* not in `out`, whose values would make the program's file carry it */

static struct {
    int fd;
    int careful; /* the descriptor may block */
    enum log_level lowest;
    size_t start, end;   /* the lines in `buffer` that are not yet written */
    struct text line;    /* the line between log_begin() and log_end(); at == NULL: none */
    uint64_t lost, told; /* told: of these a line tells that is not written yet */
    time_t second;       /* of `stamp` */
    char stamp[24];
} out = { .fd = STDOUT_FILENO, .careful = 1, .lowest = LOG_INFO };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* ---- text ---- */

static void put(struct text *text, const char *bytes, size_t len)
{
    if (text->full || len > (size_t)(text->limit - text->at)) {
        text->full = 1;
        return;
    }
    memcpy(text->at, bytes, len);
    text->at += len;
}

static void put_word(struct text *text, const char *word)
{
    put(text, word, strlen(word));
}

/* The bytes that stand for themselves: printable ASCII, but for the quote and the backslash. */
static const char plain[256] = { [0x20 ... 0x21] = 1, [0x23 ... 0x5b] = 1, [0x5d ... 0x7e] = 1 };

/* Length of the UTF-8 character at s, 0 when there is none. C1 controls count as none: terminals
 * obey them. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || left < len) return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xc2 && s[1] < 0xa0) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* overlong */
    if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogates */
    if (s[0] == 0xf0 && s[1] < 0x90) return 0; /* overlong */
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; /* above U+10FFFF */
    return len;
}

static void put_escaped_byte(struct text *text, unsigned char c)
{
    char escape[8];
    int len;
    if (c == '"' || c == '\\')
        len = snprintf(escape, sizeof escape, "\\%c", c);
    else if (c == '\n')
        len = snprintf(escape, sizeof escape, "\\n");
    else
        len = snprintf(escape, sizeof escape, "\\u%04x", c);
    put(text, escape, (size_t)len);
}

static void put_escaped(struct text *text, const char *value, size_t len)
{
    const unsigned char *s = (const unsigned char *)value;
    for (size_t i = 0; i < len && !text->full;) {
        size_t run = i;
        while (run < len && plain[s[run]])
            run++;
        put(text, value + i, run - i);
        i = run;
        if (i == len) break;
        size_t wide = s[i] >= 0x80 ? utf8_len(s + i, len - i) : 0;
        if (wide)
            put(text, value + i, wide);
        else
            put_escaped_byte(text, s[i]);
        i += wide ? wide : 1;
    }
}

static void put_string(struct text *text, const char *value, size_t len)
{
    put(text, "\"", 1);
    put_escaped(text, value, len < VALUE_BYTES ? len : VALUE_BYTES);
    put(text, len < VALUE_BYTES ? "\"" : "...\"", len < VALUE_BYTES ? 1 : 4);
}

/* "2026-01-31T12:00:00" */
static void stamp_format(time_t second, char stamp[24])
{
    struct tm tm;
    gmtime_r(&second, &tm);
    strftime(stamp, 24, "%Y-%m-%dT%H:%M:%S", &tm);
}

/* Numbers without printf: a line a request is written, and it should cost little. */
static void put_number(struct text *text, int64_t number, int width)
{
    char digits[24];
    size_t i = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        digits[--i] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0 || sizeof digits - i < (size_t)width);
    if (number < 0) digits[--i] = '-';
    put(text, digits + i, sizeof digits - i);
}

static void put_head(struct text *text, const char *stamp, long millis, enum log_level level,
                     const char *event)
{
    put(text, "{\"at\":\"", 7);
    put(text, stamp, 19);
    put(text, ".", 1);
    put_number(text, millis, 3);
    put(text, "Z\",\"level\":\"", 12);
    put_word(text, level_names[level]);
    put(text, "\",\"event\":", 10);
    put_string(text, event, strlen(event));
}

/* ---- secrets ---- */

static int ends_in_word(const char *field, size_t len, const char *word)
{
    size_t tail = strlen(word);
    if (len < tail || strcasecmp(field + len - tail, word) != 0) return 0;
    const char *start = field + len - tail;
    return start == field || strchr("_-.", start[-1]) || (*start >= 'A' && *start <= 'Z');
}

/* "token", "api_token", "apiToken", "API-TOKEN", but not "tokens" or "monkey". */
static int is_secret(const char *field)
{
    size_t len = strlen(field);
    switch (len ? field[len - 1] | 0x20 : 0) {
    case 'd':
        return ends_in_word(field, len, "password");
    case 'n':
        return ends_in_word(field, len, "token") || ends_in_word(field, len, "authorization");
    case 'y':
        return ends_in_word(field, len, "key");
    case 't':
        return ends_in_word(field, len, "secret");
    case 'e':
        return ends_in_word(field, len, "cookie");
    default:
        return 0;
    }
}

/* Starts a field. Returns 0 when there is no line, or when the value is secret and stands there
 * masked already. */
static int field_begin(const char *field)
{
    if (!out.line.at) return 0;
    put(&out.line, ",", 1);
    put_string(&out.line, field, strlen(field));
    put(&out.line, ":", 1);
    if (!is_secret(field)) return 1;
    put(&out.line, "\"***\"", 5);
    return 0;
}

/* ---- lines ---- */

void log_init(int fd, enum log_level lowest)
{
    struct stat st;
    out.fd = fd;
    out.lowest = lowest;
    out.careful =
        fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && !isatty(fd)));
}

int log_level_parse(const char *word, enum log_level *level)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
        if (strcmp(word, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    return -1;
}

int log_enabled(enum log_level level)
{
    return level >= out.lowest;
}

static void make_room(void)
{
    if (BUFFER_BYTES - out.end > 4 * VALUE_BYTES) return;
    log_flush();
    if (out.start == 0) return;
    memmove(buffer, buffer + out.start, out.end - out.start);
    out.end -= out.start;
    out.start = 0;
}

int log_begin(enum log_level level, const char *event)
{
    struct timespec now;
    if (!log_enabled(level)) return 0;
    make_room();
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != out.second || !out.stamp[0]) {
        stamp_format(now.tv_sec, out.stamp);
        out.second = now.tv_sec;
    }
    /* room for the closing "}\n" and a count of lost lines is kept back */
    out.line = (struct text){ buffer + out.end, buffer + BUFFER_BYTES - 40, 0 };
    if (out.line.at >= out.line.limit) out.line = (struct text){ buffer, buffer, 1 };
    put_head(&out.line, out.stamp, now.tv_nsec / 1000000, level, event);
    return 1;
}

void log_str(const char *field, const char *value)
{
    if (value)
        log_strn(field, value, strlen(value));
    else if (field_begin(field))
        put(&out.line, "null", 4);
}

void log_strn(const char *field, const char *value, size_t len)
{
    if (field_begin(field)) put_string(&out.line, value, len);
}

void log_int(const char *field, int64_t value)
{
    if (field_begin(field)) put_number(&out.line, value, 1);
}

/* Most numbers are times, which have at most six decimals. Returns 0 when this one has more. */
static int put_micros(struct text *text, double value)
{
    double micros = value * 1e6;
    int64_t whole = fabs(micros) < 1e15 ? llround(micros) : 0, part = whole % 1000000;
    if (fabs(micros) >= 1e15 || fabs(micros - (double)whole) > fabs(micros) * 1e-15) return 0;
    if (whole < 0 && whole > -1000000) put(text, "-", 1);
    put_number(text, whole / 1000000, 1);
    if (part == 0) return 1;
    put(text, ".", 1);
    put_number(text, part < 0 ? -part : part, 6);
    while (text->at[-1] == '0')
        text->at--;
    return 1;
}

void log_num(const char *field, double value)
{
    char digits[32];
    if (!field_begin(field)) return;
    if (!isfinite(value))
        put(&out.line, "null", 4);
    else if (!put_micros(&out.line, value))
        put(&out.line, digits, (size_t)snprintf(digits, sizeof digits, "%.15g", value));
}

void log_bool(const char *field, int value)
{
    if (field_begin(field)) put_word(&out.line, value ? "true" : "false");
}

void log_end(void)
{
    struct text *line = &out.line;
    if (!line->at) return;
    if (line->full) {
        __atomic_add_fetch(&out.lost, 1, __ATOMIC_RELAXED);
    } else {
        uint64_t lost = __atomic_exchange_n(&out.lost, 0, __ATOMIC_RELAXED);
        line->limit = buffer + BUFFER_BYTES;
        out.told += lost;
        if (lost) line->at += snprintf(line->at, 38, ",\"lost\":%llu", (unsigned long long)lost);
        put(line, "}\n", 2);
        out.end = (size_t)(line->at - buffer);
    }
    line->at = NULL;
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    char message[2048];
    va_list args;
    if (!log_begin(level, event)) return;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    log_str("message", message);
    log_end();
}

/* ---- writing ---- */

/* How much may be written now without blocking. */
static size_t writable(size_t want)
{
    struct pollfd fd = { .fd = out.fd, .events = POLLOUT };
    if (!out.careful) return want;
    if (poll(&fd, 1, 0) <= 0 || !(fd.revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL))) return 0;
    return want < PIPE_BYTES ? want : PIPE_BYTES;
}

/* The descriptor is broken: what waited is lost. */
static void discard(void)
{
    uint64_t lines = out.told;
    for (size_t i = out.start; i < out.end; i++)
        lines += buffer[i] == '\n';
    __atomic_add_fetch(&out.lost, lines, __ATOMIC_RELAXED);
    out.start = out.end = 0;
    out.told = 0;
}

void log_flush(void)
{
    while (out.start < out.end) {
        size_t want = writable(out.end - out.start);
        if (want == 0) return;
        ssize_t wrote = write(out.fd, buffer + out.start, want);
        if (wrote < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (wrote < 0) {
            discard();
            return;
        }
        out.start += (size_t)wrote;
    }
    out.start = out.end = 0;
    out.told = 0;
}

void log_stray(enum log_level level, const char *event, const char *message)
{
    char stray[STRAY_BYTES], stamp[24];
    struct timespec now;
    struct text text = { stray, stray + STRAY_BYTES - 8, 0 };
    if (!log_enabled(level)) return;
    clock_gettime(CLOCK_REALTIME, &now);
    stamp_format(now.tv_sec, stamp);
    put_head(&text, stamp, now.tv_nsec / 1000000, level, event);
    put(&text, ",\"message\":\"", 12);
    put_escaped(&text, message, strlen(message) < 1024 ? strlen(message) : 1024);
    text.limit = stray + STRAY_BYTES;
    text.full = 0;
    put(&text, "\"}\n", 3);
    size_t len = (size_t)(text.at - stray);
    if (writable(len) < len || write(out.fd, stray, len) < 0)
        __atomic_add_fetch(&out.lost, 1, __ATOMIC_RELAXED);
}
