#include "script_fixture.h"
#include "secret.h"
#include <sys/stat.h>

static int set_up(void **state)
{
    script_open();
    return test_make_folder();
}

static int tear_down(void **state)
{
    script_close();
    return test_remove_folder();
}

static void write_secret(const char *bytes, size_t len, mode_t mode)
{
    test_write_bytes("secret", bytes, len);
    chmod(test_path("secret"), mode);
}

/* Must be the first test: a secret that was opened stays open. */
static void test_no_secret_no_signature(void **state)
{
    assert_null(secret_bytes());
    script_run("api_crypto", "no_signature_without_a_secret");
}

static void test_secret_is_created_once(void **state)
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
    assert_non_null(strstr(message, reason));
    assert_non_null(strstr(message, path));
    free(message);
}

static void test_bad_secrets(void **state)
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

static void test_signatures(void **state)
{
    char *message = NULL;
    write_secret("0123456789abcdef0123456789abcdef", SECRET_BYTES, 0600);
    assert_int_equal(secret_open(test_path("secret"), &message), 0);
    script_run("api_crypto", "signatures");
}

static const struct CMUnitTest tests[] = {
    TEST(test_no_secret_no_signature),
    TEST(test_secret_is_created_once),
    TEST(test_bad_secrets),
    TEST(test_signatures),
    SCRIPT_CASE("api_crypto", hashes),
    SCRIPT_CASE("api_crypto", tokens),
    SCRIPT_CASE("api_crypto", base64),
};

TEST_GROUP(api_crypto, tests, NULL, NULL)
