#include "clock.h"

#include <stdlib.h>
#include <time.h>

static double scale = 1;

int clock_scale_set(const char *text)
{
    char *end;
    if (!text || !*text) return 0;
    double wanted = strtod(text, &end);
    if (*end || !(wanted >= 1 && wanted <= 1000)) return -1;
    scale = wanted;
    return 0;
}

double clock_scale(void)
{
    return scale;
}

static int64_t now_real_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_real_ms(void)
{
    return now_real_us() / 1000;
}

int64_t clock_now_us(void)
{
    int64_t real_us = now_real_us();
    return scale == 1 ? real_us : (int64_t)((double)real_us * scale);
}

int64_t clock_to_real_ms(int64_t ms)
{
    if (scale == 1 || ms <= 0) return ms;
    int64_t real_ms = (int64_t)((double)ms / scale + 0.5);
    return real_ms > 0 ? real_ms : 1;
}

int64_t clock_from_real_ms(int64_t real_ms)
{
    return scale == 1 ? real_ms : (int64_t)((double)real_ms * scale);
}
