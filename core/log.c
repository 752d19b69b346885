#include "log.h"
#include "bytes.h"

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
    VALUE_BYTES = 8192, /* of one value */
    TAIL_BYTES = 40,    /* kept free for the number of lost lines and the end of a line */
    STRAY_BYTES = 2048,
    STRAY_MESSAGE_BYTES = 1024,
    PIPE_BYTES = 4096, /* what a pipe that polls as writable accepts without blocking */
};

/* Not a member of `out`, whose initial values would put it into the executable file. */
static char buffer[BUFFER_BYTES];

static struct {
    int fd;
    int may_block; /* the descriptor */
    enum log_level lowest;
    size_t start, end;       /* of the whole lines in `buffer` that are not written yet */
    int is_open;             /* between log_begin() and log_end() */
    struct bytes line;       /* at the end of `buffer` */
    uint64_t lost, reported; /* lines; reported: in a line that is not written yet */
    time_t second;           /* of `stamp` */
    char stamp[24];          /* kept for a second: formatting it costs 0.5 us, a tenth of a line */
} out = { .fd = STDOUT_FILENO, .may_block = 1, .lowest = LOG_INFO };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* --- text --- */

static void put_string(struct bytes *to, const char *value, size_t len)
{
    bytes_add_char(to, '"');
    bytes_add_json(to, value, len < VALUE_BYTES ? len : VALUE_BYTES, NULL);
    bytes_add_text(to, len < VALUE_BYTES ? "\"" : "...\"");
}

static void format_stamp(time_t second, char stamp[24])
{
    struct tm tm;
    gmtime_r(&second, &tm);
    strftime(stamp, 24, "%Y-%m-%dT%H:%M:%S", &tm);
}

static void put_head(struct bytes *to, const char *stamp, long milliseconds, enum log_level level,
                     const char *event)
{
    bytes_add_text(to, "{\"at\":\"");
    bytes_add_text(to, stamp);
    bytes_add_char(to, '.');
    bytes_add_int(to, milliseconds, 3);
    bytes_add_text(to, "Z\",\"level\":\"");
    bytes_add_text(to, level_names[level]);
    bytes_add_text(to, "\",\"event\":");
    put_string(to, event, strlen(event));
}

/* --- fields --- */

static int ends_in_word(const char *field, size_t len, const char *word, size_t word_len)
{
    if (len < word_len) return 0;
    const char *start = field + len - word_len;
    if ((*start | 0x20) != *word || strcasecmp(start, word) != 0) return 0;
    return start == field || strchr("_-.", start[-1]) || (*start >= 'A' && *start <= 'Z');
}

/* "token", "api_token", "apiToken", "API-TOKEN", but not "tokens" or "monkey". */
static int is_secret(const char *field, size_t len)
{
    static const struct {
        const char *text;
        size_t len;
    } words[] = { { "password", 8 }, { "token", 5 },          { "key", 3 },
                  { "secret", 6 },   { "authorization", 13 }, { "cookie", 6 } };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ends_in_word(field, len, words[i].text, words[i].len)) return 1;
    return 0;
}

/* Starts a field. Returns 0 when no value may follow: there is no line, or it was masked. */
static int begin_field(const char *field)
{
    if (!out.is_open) return 0;
    size_t len = strlen(field);
    bytes_add_char(&out.line, ',');
    put_string(&out.line, field, len);
    bytes_add_char(&out.line, ':');
    if (!is_secret(field, len)) return 1;
    bytes_add_text(&out.line, "\"***\"");
    return 0;
}

void log_str(const char *field, const char *value)
{
    if (value)
        log_strn(field, value, strlen(value));
    else if (begin_field(field))
        bytes_add_text(&out.line, "null");
}

void log_strn(const char *field, const char *value, size_t len)
{
    if (begin_field(field)) put_string(&out.line, value, len);
}

void log_int(const char *field, int64_t value)
{
    if (begin_field(field)) bytes_add_int(&out.line, value, 1);
}

/* Most numbers are milliseconds with two decimals, of which printf takes 0.5 us, a fortieth of a
 * request. Returns 0 for a number with more decimals. */
static int put_hundredths(double value)
{
    double hundredths = value * 100;
    if (!(value >= 0 && value < 1e9) || fabs(hundredths - round(hundredths)) > 1e-6) return 0;
    int64_t number = llround(hundredths), rest = number % 100;
    if (value > 0 && number == 0) return 0;
    bytes_add_int(&out.line, number / 100, 1);
    if (rest == 0) return 1;
    bytes_add_char(&out.line, '.');
    bytes_add_int(&out.line, rest % 10 == 0 ? rest / 10 : rest, rest % 10 == 0 ? 1 : 2);
    return 1;
}

void log_num(const char *field, double value)
{
    if (!begin_field(field) || put_hundredths(value)) return;
    if (isfinite(value))
        bytes_printf(&out.line, "%.15g", value);
    else
        bytes_add_text(&out.line, "null");
}

void log_bool(const char *field, int value)
{
    if (begin_field(field)) bytes_add_text(&out.line, value ? "true" : "false");
}

/* --- lines --- */

void log_init(int fd, enum log_level lowest)
{
    struct stat info;
    out.fd = fd;
    out.lowest = lowest;
    out.may_block =
        fstat(fd, &info) != 0 || !(S_ISREG(info.st_mode) || (S_ISCHR(info.st_mode) && !isatty(fd)));
}

int log_level_parse(const char *text, enum log_level *level)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (strcmp(text, level_names[i]) != 0) continue;
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
    if (now.tv_sec != out.second || !out.stamp[0]) format_stamp(now.tv_sec, out.stamp);
    out.second = now.tv_sec;
    size_t room = BUFFER_BYTES - out.end;
    out.line = bytes_over(buffer + out.end, room > TAIL_BYTES ? room - TAIL_BYTES : 0);
    out.is_open = 1;
    put_head(&out.line, out.stamp, now.tv_nsec / 1000000, level, event);
    return 1;
}

static void count_lost(uint64_t lines)
{
    __atomic_add_fetch(&out.lost, lines, __ATOMIC_RELAXED);
}

void log_end(void)
{
    if (!out.is_open) return;
    out.is_open = 0;
    if (out.line.is_full) {
        count_lost(1);
        return;
    }
    uint64_t lost = __atomic_exchange_n(&out.lost, 0, __ATOMIC_RELAXED);
    out.reported += lost;
    out.line.room += TAIL_BYTES;
    if (lost > 0) bytes_printf(&out.line, ",\"lost\":%llu", (unsigned long long)lost);
    bytes_add_text(&out.line, "}\n");
    out.end += out.line.len;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    char message[2048];
    va_list args;
    if (!log_begin(level, event)) return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_str("message", message);
    log_end();
}

/* --- writing --- */

/* How much of `want` bytes can be written now without blocking. */
static size_t writable(size_t want)
{
    struct pollfd fd = { .fd = out.fd, .events = POLLOUT };
    if (!out.may_block) return want;
    if (poll(&fd, 1, 0) <= 0 || !(fd.revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL))) return 0;
    return want < PIPE_BYTES ? want : PIPE_BYTES;
}

/* The descriptor is broken. */
static void discard(void)
{
    uint64_t lines = out.reported;
    for (size_t i = out.start; i < out.end; i++)
        lines += buffer[i] == '\n';
    count_lost(lines);
    out.start = out.end = 0;
    out.reported = 0;
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
    out.reported = 0;
}

void log_stray(enum log_level level, const char *event, const char *message)
{
    char memory[STRAY_BYTES], stamp[24];
    struct timespec now;
    struct bytes line = bytes_over(memory, STRAY_BYTES - TAIL_BYTES);
    size_t len = strlen(message);
    if (!log_enabled(level)) return;
    clock_gettime(CLOCK_REALTIME, &now);
    format_stamp(now.tv_sec, stamp);
    put_head(&line, stamp, now.tv_nsec / 1000000, level, event);
    bytes_add_text(&line, ",\"message\":\"");
    bytes_add_json(&line, message, len < STRAY_MESSAGE_BYTES ? len : STRAY_MESSAGE_BYTES, NULL);
    line.room = STRAY_BYTES;
    line.is_full = 0;
    bytes_add_text(&line, "\"}\n");
    if (writable(line.len) < line.len || write(out.fd, memory, line.len) < 0) count_lost(1);
}
