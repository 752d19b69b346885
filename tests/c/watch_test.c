#include "watch.h"
#include "test.h"

enum { QUIET_MS = 300, PATIENCE_MS = 5000 };

static struct loop *loop;
static struct watch *watch;
static int changes;

static void on_change(void *arg)
{
    changes++;
    loop_stop(loop);
}

static void on_late(void *arg)
{
    loop_stop(loop);
}

/* Waits for a change; returns how many were reported. */
static int wait_for(int ms)
{
    struct loop_timer *late = loop_timer_new(loop, ms, 0, on_late, NULL);
    changes = 0;
    loop_run(loop);
    loop_timer_free(late);
    return changes;
}

SET_UP()
{
    static const char *const names[] = { "scripts", "config.lua", NULL };
    test_make_folder();
    test_write("scripts/lib/x.lua", "1");
    loop = loop_new();
    watch = watch_new(loop, test_folder, names, on_change, NULL);
    assert_true(watch);
}

TEAR_DOWN()
{
    watch_free(watch);
    loop_free(loop);
    test_remove_folder();
}

TEST_GROUP("watch", FIXTURE);

TEST(a_file_is_written)
{
    test_write("scripts/lib/x.lua", "2");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
}

TEST(many_changes_are_one)
{
    for (int i = 0; i < 20; i++)
        test_write("scripts/lib/x.lua", "2");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
    assert_int_equal(wait_for(QUIET_MS), 0);
}

TEST(a_new_folder)
{
    test_write("scripts/new/deep/y.lua", "1");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
    test_write("scripts/new/deep/y.lua", "2");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
}

TEST(moved_and_deleted)
{
    const char *to = test_path("scripts/z.lua");
    assert_int_equal(rename(test_path("scripts/lib/x.lua"), to), 0);
    assert_int_equal(wait_for(PATIENCE_MS), 1);
    unlink(to);
    assert_int_equal(wait_for(PATIENCE_MS), 1);
}

TEST(config_beside_the_folders)
{
    test_write("other.txt", "1");
    assert_int_equal(wait_for(QUIET_MS), 0);
    test_write("config.lua", "1");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
}

TEST(temporary_files_of_editors)
{
    test_write("scripts/lib/.x.lua.swp", "1");
    test_write("scripts/lib/x.lua~", "1");
    assert_int_equal(wait_for(QUIET_MS), 0);
}

static void free_watch(void *arg)
{
    watch_free(watch);
    watch = NULL;
    on_change(NULL);
}

TEST(freed_by_its_own_function)
{
    static const char *const names[] = { "scripts", NULL };
    watch_free(watch);
    watch = watch_new(loop, test_folder, names, free_watch, NULL);
    test_write("scripts/lib/x.lua", "2");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
    assert_null(watch);
}
