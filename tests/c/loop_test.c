#include "loop.h"
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

static struct loop *loop;
static char trace[256]; /* a letter for each call */
static int turns;

SET_UP()
{
    trace[0] = 0;
    turns = 0;
    loop = loop_new();
    assert_true(loop);
}

TEAR_DOWN()
{
    loop_free(loop);
}

static void note(void *letter)
{
    strcat(trace, letter);
}

static void stop(void *arg)
{
    loop_stop(loop);
}

static void count_turn(void *arg)
{
    turns++;
}

/* --- calls --- */

static void defer_more(void *arg)
{
    note("1");
    loop_defer(loop, note, "4");
    loop_defer(loop, stop, NULL);
    note("2");
}

TEST_GROUP("loop", FIXTURE);

TEST(deferred_calls_run_later_and_in_order)
{
    loop_defer(loop, defer_more, NULL);
    loop_defer(loop, note, "3");
    assert_string_equal(trace, "");
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "1234");
}

static void defer_forever(void *arg)
{
    loop_defer(loop, defer_forever, NULL);
}

TEST(endless_deferring_does_not_starve_timers)
{
    loop_defer(loop, defer_forever, NULL);
    struct loop_timer *timer = loop_timer_new(loop, 20, 0, stop, NULL);
    assert_int_equal(loop_run(loop), 0);
    loop_timer_free(timer);
}

TEST(many_deferred_calls)
{
    for (int i = 0; i < 10000; i++)
        loop_defer(loop, count_turn, NULL);
    loop_defer(loop, stop, NULL);
    loop_run(loop);
    assert_int_equal(turns, 10000);
}

static int posted[4], posted_next[4];

struct post {
    int thread, number;
};

static void on_post(void *arg)
{
    struct post *post = arg;
    assert_int_equal(post->number, posted_next[post->thread]);
    posted_next[post->thread]++;
    free(post);
    if (++posted[0] == 4000) loop_stop(loop);
}

static void *post_thousand(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        struct post *post = malloc(sizeof *post);
        *post = (struct post){ (int)(intptr_t)arg, i };
        loop_post(loop, on_post, post);
    }
    return NULL;
}

TEST(posts_from_threads_keep_their_order)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, post_thousand, (void *)(intptr_t)i);
    assert_int_equal(loop_run(loop), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(posted[0], 4000);
}

TEST(calls_that_have_not_run_are_dropped)
{
    loop_defer(loop, note, "never");
    loop_post(loop, note, "never");
}

TEST(turn_end)
{
    loop_on_turn_end(loop, count_turn, NULL);
    struct loop_timer *timer = loop_timer_new(loop, 50, 0, stop, NULL);
    loop_run(loop);
    assert_int_equal(turns, 1); /* the loop slept until the timer fired */
    loop_timer_free(timer);
}

/* --- timers --- */

static struct loop_timer *self;
static int fired;

static void free_self(void *arg)
{
    fired++;
    loop_timer_free(self);
    self = NULL;
}

static void fire_three_times(void *arg)
{
    if (++fired == 3) loop_stop(loop);
}

TEST(timers)
{
    fired = 0;
    int64_t start_ms = loop_now_ms();
    struct loop_timer *repeating = loop_timer_new(loop, 30, 10, fire_three_times, NULL);
    struct loop_timer *never = loop_timer_new(loop, 1, 0, note, "never");
    loop_timer_free(never);
    loop_run(loop);
    assert_in_range(loop_now_ms() - start_ms, 48, 4000);
    assert_int_equal(fired, 3);
    assert_string_equal(trace, "");
    loop_timer_free(repeating);
    loop_timer_free(NULL);
}

TEST(timer_freed_by_its_own_function)
{
    fired = 0;
    self = loop_timer_new(loop, 1, 1, free_self, NULL);
    struct loop_timer *end = loop_timer_new(loop, 30, 0, stop, NULL);
    loop_run(loop);
    assert_int_equal(fired, 1);
    assert_null(self);
    loop_timer_free(end);
}

/* --- descriptors and signals --- */

static int ends[2];
static struct loop_watch *watch;

static void on_readable(int events, void *arg)
{
    char bytes[8] = { 0 };
    assert_int_equal(read(ends[0], bytes, 1), 1);
    note(bytes[0] == 'x' ? "x" : "?");
    if (strlen(trace) < 3) return;
    loop_watch_free(watch);
    loop_stop(loop);
}

TEST(watch_of_a_descriptor)
{
    assert_int_equal(pipe(ends), 0);
    watch = loop_watch_io(loop, ends[0], LOOP_READ, on_readable, NULL);
    assert_int_equal(write(ends[1], "xxxxx", 5), 5);
    loop_run(loop);
    assert_string_equal(trace, "xxx");
    close(ends[0]);
    close(ends[1]);
}

static void on_ready(int events, void *arg)
{
    note(events == (LOOP_READ | LOOP_WRITE) ? "b" : events == LOOP_READ ? "r" : "w");
    loop_stop(loop);
}

TEST(watch_for_reading_and_writing)
{
    static const int asked[] = { LOOP_READ, LOOP_WRITE, LOOP_READ | LOOP_WRITE };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    for (int i = 0; i < 3; i++) {
        watch = loop_watch_io(loop, ends[0], asked[i], on_ready, NULL);
        loop_run(loop);
        loop_watch_free(watch);
    }
    assert_string_equal(trace, "rwb");
    close(ends[0]);
    close(ends[1]);
}

TEST(watch_of_a_signal)
{
    watch = loop_watch_signal(loop, SIGUSR1, stop, NULL);
    kill(getpid(), SIGUSR1);
    assert_int_equal(loop_run(loop), 0);
    loop_watch_free(watch);
}

TEST(a_closed_pipe_raises_no_signal)
{
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1); /* and the process lives */
    close(ends[1]);
}
