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

static int set_up(void **state)
{
    static const char *const names[] = { "scripts", "config.lua", NULL };

    if (test_make_folder() != 0) return -1;
    test_write("scripts/lib/x.lua", "1");
    loop = loop_new();
    watch = watch_new(loop, test_folder, names, on_change, NULL);
    return watch ? 0 : -1;
}

static int tear_down(void **state)
{
    watch_free(watch);
    loop_free(loop);
    return test_remove_folder();
}

static void test_a_file_is_written(void **state)
{
    test_write("scripts/lib/x.lua", "2");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
}

static void test_many_changes_are_one(void **state)
{
    for (int i = 0; i < 20; i++)
        test_write("scripts/lib/x.lua", "2");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
    assert_int_equal(wait_for(QUIET_MS), 0);
}

static void test_a_new_folder(void **state)
{
    test_write("scripts/new/deep/y.lua", "1");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
    test_write("scripts/new/deep/y.lua", "2");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
}

static void test_moved_and_deleted(void **state)
{

    const char *to = test_path("scripts/z.lua");
    assert_int_equal(rename(test_path("scripts/lib/x.lua"), to), 0);
    assert_int_equal(wait_for(PATIENCE_MS), 1);
    unlink(to);
    assert_int_equal(wait_for(PATIENCE_MS), 1);
}

static void test_config_beside_the_folders(void **state)
{
    test_write("other.txt", "1");
    assert_int_equal(wait_for(QUIET_MS), 0);
    test_write("config.lua", "1");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
}

static void test_temporary_files_of_editors(void **state)
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

static void test_freed_by_its_own_function(void **state)
{
    static const char *const names[] = { "scripts", NULL };

    watch_free(watch);
    watch = watch_new(loop, test_folder, names, free_watch, NULL);
    test_write("scripts/lib/x.lua", "2");
    assert_int_equal(wait_for(PATIENCE_MS), 1);
    assert_null(watch);
}

static const struct CMUnitTest tests[] = {
    TEST(test_a_file_is_written),
    TEST(test_many_changes_are_one),
    TEST(test_a_new_folder),
    TEST(test_moved_and_deleted),
    TEST(test_config_beside_the_folders),
    TEST(test_temporary_files_of_editors),
    TEST(test_freed_by_its_own_function),
};

TEST_GROUP(watch, tests, NULL, NULL)
