#include "bundle.h"
#include "test.h"

#include <sys/stat.h>

SET_UP()
{
    test_make_folder();
}

TEAR_DOWN()
{
    test_remove_folder();
}

TEST_GROUP("bundle", FIXTURE);

static struct bundle *read_folder(void)
{
    char *message = NULL;
    struct bundle *bundle = bundle_read(test_folder, &message);
    if (!bundle) fail_msg("%s", message);
    return bundle;
}

static void expect_failure(char *message, const char *part)
{
    assert_non_null(message);
    assert_contains(message, part);
    free(message);
}

TEST(what_is_read)
{
    test_write("config.lua", "return {}");
    test_write("policy/names.lua", "x");
    test_write_bytes("www/logo.png", "\0\xff", 2);
    EACH (name, ".git/config", "policy/.names.lua.swp", "policy/names.lua~", "a b.lua", "#x#")
        test_write(name, "no");
    struct bundle *bundle = read_folder();
    assert_int_equal(bundle->count, 3);
    assert_string_equal(bundle_find(bundle, "policy/names.lua")->text, "x");
    assert_int_equal(bundle_find(bundle, "www/logo.png")->len, 2);
    assert_null(bundle_find(bundle, "policy"));
    assert_int_equal(strlen(bundle->hash), BUNDLE_HASH);
    bundle_unref(bundle);
}

TEST(no_folder_is_an_empty_one)
{
    char *message = NULL;
    struct bundle *missing = bundle_read("/nowhere/at/all", &message), *empty = bundle_new();
    assert_int_equal(missing->count, 0);
    assert_string_equal(missing->hash, empty->hash);
    bundle_unref(missing);
    bundle_unref(empty);
}

/* The hash tells where one file ends and the next begins. */
TEST(equal_content_has_an_equal_hash)
{
    struct bundle *one = bundle_new(), *two = bundle_new(), *other = bundle_new();
    assert_null(bundle_add(one, "a", "1", 1));
    assert_null(bundle_add(one, "b", "2", 1));
    assert_null(bundle_add(two, "b", "2", 1));
    assert_null(bundle_add(two, "a", "1", 1));
    assert_null(bundle_add(other, "a", "1b\n1\n2", 6));
    assert_null(bundle_seal(one));
    assert_null(bundle_seal(two));
    assert_null(bundle_seal(other));
    assert_string_equal(one->hash, two->hash);
    assert_string_not_equal(one->hash, other->hash);
    bundle_unref(one);
    bundle_unref(two);
    bundle_unref(other);
}

TEST(what_is_refused)
{
    struct bundle *bundle = bundle_new();
    char *large = calloc(1, BUNDLE_BYTES + 1), name[16];
    EACH (path, "", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".x", "a\nb", "caf\xc3\xa9")
        expect_failure(bundle_add(bundle, path, "x", 1), "is not the path of a file here");
    expect_failure(bundle_add(bundle, "large", large, BUNDLE_BYTES + 1), "larger than 1024 KiB");
    for (int i = 0; i < BUNDLE_FILES; i++) {
        snprintf(name, sizeof name, "f%d", i);
        assert_null(bundle_add(bundle, name, "x", 1));
    }
    expect_failure(bundle_add(bundle, "one-more", "x", 1), "more than 200 files");
    bundle_unref(bundle);
    bundle = bundle_new();
    assert_null(bundle_add(bundle, "a", "1", 1));
    assert_null(bundle_add(bundle, "a", "2", 1));
    expect_failure(bundle_seal(bundle), "a is there twice");
    bundle_unref(bundle);
    free(large);
}

TEST(a_file_and_a_folder_of_one_name)
{
    struct bundle *bundle = bundle_new();
    EACH (path, "www/a", "www/a-b", "www/a/b")
        assert_null(bundle_add(bundle, path, "x", 1));
    expect_failure(bundle_seal(bundle), "www/a is a file, and www/a/b is in it");
    bundle_unref(bundle);
}

TEST(writing_removes_nothing_behind_a_link)
{
    test_write("elsewhere/precious.lua", "x");
    test_write("site/lib/old.lua", "x");
    assert_int_equal(symlink("../elsewhere", test_path("site/linked")), 0);
    struct bundle *bundle = bundle_new();
    assert_null(bundle_write(bundle, test_path("site")));
    bundle_unref(bundle);
    assert_int_equal(access(test_path("elsewhere/precious.lua"), F_OK), 0);
    assert_int_not_equal(access(test_path("site/lib/old.lua"), F_OK), 0);
    assert_int_not_equal(access(test_path("site/linked"), F_OK), 0);
}

TEST(writing_makes_the_folder_hold_exactly_that)
{
    struct stat before, after;
    test_write("policy/names.lua", "same");
    test_write("policy/access.lua", "old");
    test_write("steps/gone.lua", "x");
    test_write(".git/config", "stays");
    assert_int_equal(stat(test_path("policy/names.lua"), &before), 0);
    struct bundle *bundle = bundle_new();
    assert_null(bundle_add(bundle, "policy/names.lua", "same", 4));
    assert_null(bundle_add(bundle, "policy/access.lua", "new", 3));
    assert_null(bundle_add(bundle, "hooks/deep/er.lua", "h", 1));
    assert_null(bundle_seal(bundle));
    assert_null(bundle_write(bundle, test_folder));
    struct bundle *read = read_folder();
    assert_string_equal(read->hash, bundle->hash);
    assert_int_equal(access(test_path(".git/config"), F_OK), 0);
    assert_int_equal(stat(test_path("policy/names.lua"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino); /* what is the same is left alone */
    bundle_unref(read);
    bundle_unref(bundle);
    expect_failure(bundle_write(bundle = bundle_new(), "/proc/x"), "/proc/x");
    bundle_unref(bundle);
}

TEST(a_child_receives_what_was_sent)
{
    char *message = NULL;
    struct bundle *sent = bundle_new();
    assert_null(bundle_add(sent, "a.lua", "1\n2\n", 4));
    assert_null(bundle_add(sent, "www/x.png", "\0\n\0", 3));
    assert_null(bundle_add(sent, "empty", "", 0));
    assert_null(bundle_seal(sent));
    int channel = bundle_channel();
    assert_int_equal(bundle_send(sent, channel), 0);
    struct bundle *received = bundle_receive(channel, &message);
    assert_non_null(received);
    assert_string_equal(received->hash, sent->hash);
    bundle_unref(received);
    bundle_unref(sent);
    test_write("half", "a.lua\n40\nshort");
    FILE *half = fopen(test_path("half"), "r");
    assert_null(bundle_receive(dup(fileno(half)), &message));
    expect_failure(message, "did not arrive whole");
    fclose(half);
}
