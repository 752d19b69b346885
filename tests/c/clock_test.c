#include "clock.h"
#include "loop.h"
#include "test.h"

#include <time.h>

static int64_t real_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

TEST_GROUP("clock");

TEST(texts)
{
    EACH (bad, "fast", "0", "0.5", "-2", "1001", "20x", "nan", "inf")
        assert_int_equal(clock_scale_set(bad), -1);
    assert_int_equal(clock_scale_set(NULL), 0);
    assert_int_equal(clock_scale_set(""), 0);
    assert_true(clock_scale() == 1);
}

static void stop(void *loop)
{
    loop_stop(loop);
}

TEST(time_runs_faster)
{
    struct loop *loop = loop_new();
    assert_int_equal(clock_scale_set("50"), 0);
    assert_int_equal(clock_to_real_ms(5000), 100);
    assert_int_equal(clock_to_real_ms(1), 1);
    assert_int_equal(clock_to_real_ms(0), 0);
    assert_int_equal(clock_from_real_ms(100), 5000);
    int64_t began_us = clock_now_us(), began_real_ms = real_ms();
    struct loop_timer *timer = loop_timer_new(loop, 5000, 0, stop, loop);
    loop_run(loop);
    int64_t took_ms = (clock_now_us() - began_us) / 1000, took_real_ms = real_ms() - began_real_ms;
    loop_timer_free(timer);
    loop_free(loop);
    assert_true(took_ms >= 4900);
    assert_true(took_real_ms >= 98 && took_real_ms < 4000);
}
