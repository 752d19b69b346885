/* log: one JSON object a line, on one descriptor.
 *
 * A line is {"at":"2026-01-31T12:00:00.123Z","level":"info","event":"...", fields...}. Fields are
 * added in the order given. The writer escapes every control byte and every byte that is not UTF-8,
 * so no value can forge a line or a field. Values whose field name is password, token, key, secret,
 * authorization or cookie (or ends in _ and one of them) are printed as "***". Lines are buffered
 * and written by log_flush(), which the loop calls at the end of each turn; a descriptor that would
 * block loses lines, not time: the number lost is told in the next line that gets through. Main
 * thread only, but for log_stray(), which any thread may call.
 */
#ifndef LOG_H
#define LOG_H
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Where lines go (a descriptor; the caller keeps it) and the lowest level that is written. May be
 * called again. */
void log_init(int fd, enum log_level lowest);
/* Reads "debug", "info", "warn" or "error". Returns 0, or -1 for another word. */
int log_level_parse(const char *word, enum log_level *level);
/* 1 when a line of this level would be written. */
int log_enabled(enum log_level level);

/* A line is built between log_begin() and log_end(); the builder is a static, so lines do not nest.
 * EVENT is a constant dotted word such as "http.request". log_begin() returns 0 when the level is
 * not written; then skip the rest. */
int log_begin(enum log_level level, const char *event);
void log_str(const char *field, const char *value); /* NULL is written as null */
void log_strn(const char *field, const char *value, size_t len);
void log_int(const char *field, int64_t value);
void log_num(const char *field, double value);
void log_bool(const char *field, int value);
void log_end(void);

/* One line with one text field "message"; for what needs no more. */
void log_line(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes what is buffered. Never blocks. */
void log_flush(void);
/* One unbuffered line at once, from any thread, without allocating. */
void log_stray(enum log_level level, const char *event, const char *message);
#endif
