/* clock: the monotonic clock that timers, deadlines, time-to-live and rate limits run on. Floor 0.
 *
 * It can run faster than real time, so that tests need not wait: with TIME_SCALE=20 a sleep of 10
 * seconds takes half a second. The time of day (what the journal and the API show) is never scaled,
 * nor is anything whose other end lives in real time: connection timeouts of clients, the limit on
 * a script's turn, the disk.
 */
#ifndef CLOCK_H
#define CLOCK_H
#include <stdint.h>

/* Sets the scale from the text of TIME_SCALE; NULL or "" means 1. Call it once, before the first
 * timer. Returns 0, or -1 when the text is not a number from 1 to 1000. */
int clock_scale_set(const char *text);
double clock_scale(void);
/* Microseconds since an arbitrary start; never goes back. Read afresh at each call. Any thread. */
int64_t clock_now_us(void);
/* Milliseconds since an arbitrary start, never scaled. Any thread. */
int64_t clock_real_ms(void);
/* Converts a duration on this clock to real milliseconds, at least 1 unless ms <= 0, and back. */
int64_t clock_to_real_ms(int64_t ms);
int64_t clock_from_real_ms(int64_t real_ms);
#endif
