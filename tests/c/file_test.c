#include "file.h"
#include "mem.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>

static char path[80];

SET_UP()
{
    test_make_folder();
    snprintf(path, sizeof path, "%s", test_path("file"));
}

TEAR_DOWN()
{
    test_remove_folder();
}

static void expect_content(const char *text)
{
    size_t len;
    char *content = file_read(path, 1000, &len);
    assert_non_null(content);
    assert_int_equal(len, strlen(text));
    assert_string_equal(content, text);
    free(content);
}

static int mode_of_file(void)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

TEST_GROUP("file", FIXTURE);

TEST(reading)
{
    size_t len;
    assert_null(file_read(path, 10, &len));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_create(path, "0123456789", 10, 0600), 0);
    expect_content("0123456789");
    char *content = file_read(path, 10, &len);
    assert_int_equal(len, 10);
    free(content);
    assert_null(file_read(path, 9, &len));
    assert_int_equal(errno, EFBIG);
    assert_null(file_read(test_folder, 1 << 20, &len));
    assert_int_equal(errno, EISDIR);
    content = file_read("/proc/self/status", 1 << 20, &len); /* says that it is empty */
    assert_non_null(content);
    assert_true(len > 100);
    free(content);
}

TEST(creating)
{
    assert_int_equal(file_create(path, "first", 5, 0640), 0);
    assert_int_equal(mode_of_file(), 0640);
    assert_int_equal(file_create(path, "second", 6, 0600), -1);
    assert_int_equal(errno, EEXIST);
    expect_content("first");
}

TEST(replacing)
{
    const char *fresh = test_path("file.new");
    assert_int_equal(file_replace(path, "first", 5, 0600), 0);
    int before = open(path, O_RDONLY);
    assert_int_equal(file_replace(path, "second", 6, 0644), 0);
    expect_content("second");
    assert_int_equal(mode_of_file(), 0644);
    assert_int_equal(access(fresh, F_OK), -1);
    char old[8] = "";
    assert_int_equal(read(before, old, sizeof old), 5); /* an open file stays the old one */
    close(before);
    assert_int_equal(file_replace("/no/such/folder/file", "x", 1, 0600), -1);
    assert_int_equal(errno, ENOENT);
}

/* A disk that is full leaves the old file as it is and nothing beside it. */
TEST(replacing_on_a_full_disk)
{
    const char *fresh = test_path("file.new");
    char *large = mem_new(100000, 1);
    struct rlimit limit = { 4096, RLIM_INFINITY };
    assert_int_equal(file_create(path, "old", 3, 0600), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(file_replace(path, large, 100000, 0600), -1);
    assert_int_equal(errno, EFBIG);
    limit.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_content("old");
    assert_int_equal(access(fresh, F_OK), -1);
    free(large);
}

TEST(syncing_a_folder)
{
    assert_int_equal(file_sync_folder(AT_FDCWD, test_folder), 0);
    assert_int_equal(file_sync_folder_of(path), 0);
    assert_int_equal(file_sync_folder(AT_FDCWD, "/no/such/folder"), -1);
    assert_int_equal(errno, ENOENT);
}
