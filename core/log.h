/* log: one JSON object a line, on one descriptor.
 *
 * A line is {"at":"2026-01-31T12:00:00.123Z","level":"info","event":"...", fields...}, the fields
 * in the order in which they were added. Control bytes and bytes that are not UTF-8 are escaped, so
 * no value can forge a line or a field. Values of fields named password, token, key, secret,
 * authorization or cookie (or ending in one of them as a word) are written as "***".
 *
 * Lines are buffered until log_flush(), which the loop calls at the end of each turn. A descriptor
 * that would block loses lines, not time; the next line that gets through has the number lost. Main
 * thread only, except log_stray(). */
#ifndef LOG_H
#define LOG_H
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Sets the descriptor (which stays the caller's) and the lowest level that is written. May be
 * called again. */
void log_init(int fd, enum log_level lowest);
/* Reads "debug", "info", "warn" or "error". 0; or -1 for another text. */
int log_level_parse(const char *text, enum log_level *level);
/* Whether a line of this level would be written. */
int log_enabled(enum log_level level);

/* A line is built between log_begin() and log_end(). The builder is static, so lines do not nest.
 * `event` is a constant dotted name such as "http.request". log_begin() returns 0 when the level is
 * not written; the other calls then do nothing. Values longer than 8 KiB are cut. */
int log_begin(enum log_level level, const char *event);
void log_str(const char *field, const char *value); /* NULL is written as null */
void log_strn(const char *field, const char *value, size_t len);
void log_int(const char *field, int64_t value);
void log_num(const char *field, double value); /* 15 digits; null when not finite */
void log_bool(const char *field, int value);
void log_end(void);

/* A whole line with a single text field "message". */
void log_line(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes the buffered lines. Never blocks. */
void log_flush(void);
/* Writes a line at once, unbuffered. From any thread, and from a signal handler that ends the
 * process: it does not allocate. */
void log_stray(enum log_level level, const char *event, const char *message);
#endif
