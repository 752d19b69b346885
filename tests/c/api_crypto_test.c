#include "script_fixture.h"
#include "secret.h"
#include <sys/stat.h>

SET_UP()
{
    script_open();
    test_make_folder();
}

TEAR_DOWN()
{
    script_close();
    test_remove_folder();
}

static void write_secret(const char *bytes, size_t len, mode_t mode)
{
    test_write_bytes("secret", bytes, len);
    chmod(test_path("secret"), mode);
}

TEST_GROUP("api_crypto", FIXTURE);

/* Must be the first test: a secret that was opened stays open. */
TEST(no_secret_no_signature)
{
    assert_null(secret_bytes());
    script_run("api_crypto", "no_signature_without_a_secret");
}

TEST(secret_is_created_once)
{
    struct stat info;
    const char *path = test_path("secret");
    char *message = NULL;
    unsigned char first[SECRET_BYTES];
    assert_int_equal(secret_open(path, &message), 0);
    memcpy(first, secret_bytes(), SECRET_BYTES);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, SECRET_BYTES);
    assert_int_equal(secret_open(path, &message), 0);
    assert_memory_equal(first, secret_bytes(), SECRET_BYTES);
    unlink(path);
    assert_int_equal(secret_open(path, &message), 0);
    assert_true(memcmp(first, secret_bytes(), SECRET_BYTES) != 0);
}

static void expect_refused(const char *name, const char *reason)
{
    const char *path = test_path(name);
    char *message = NULL;
    assert_int_equal(secret_open(path, &message), -1);
    assert_contains(message, reason, path);
    free(message);
}

TEST(bad_secrets)
{
    char bytes[SECRET_BYTES] = "0123456789012345678901234567890";
    write_secret("short", 5, 0600);
    expect_refused("secret", "32 bytes");
    write_secret(bytes, SECRET_BYTES, 0644);
    expect_refused("secret", "chmod 600");
    unlink(test_path("secret"));
    mkdir(test_path("secret"), 0700);
    expect_refused("secret", "32 bytes");
    expect_refused("secret/no/folder", "cannot");
}

TEST(signatures)
{
    char *message = NULL;
    write_secret("0123456789abcdef0123456789abcdef", SECRET_BYTES, 0600);
    assert_int_equal(secret_open(test_path("secret"), &message), 0);
    script_run("api_crypto", "signatures");
}

SCRIPT_CASES("api_crypto")
