#include "script_fixture.h"
#include "secret.h"
#include <sys/stat.h>

static char folder[64], path[96];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/crypto_test.XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/secret", folder);
    script_open();
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    script_close();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

#define CRYPTO "local crypto = require 'core.crypto' "

static void write_file(const char *bytes, size_t len, mode_t mode)
{
    FILE *file = fopen(path, "w");
    fwrite(bytes, 1, len, file);
    fclose(file);
    chmod(path, mode);
}

/* First: nothing is open yet. */
static void test_no_secret_no_signature(void **state)
{
    (void)state;
    assert_null(secret_bytes());
    script_run(
        CRYPTO
        "local ok, why = pcall(crypto.sign, 'owner', 'x') assert(not ok and why:find 'secret')");
}

static void test_secret_is_made_once(void **state)
{
    struct stat st;
    char *message = NULL;
    unsigned char first[SECRET_BYTES];
    (void)state;
    assert_int_equal(secret_open(path, &message), 0);
    memcpy(first, secret_bytes(), SECRET_BYTES);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, SECRET_BYTES);
    assert_int_equal(secret_open(path, &message), 0);
    assert_memory_equal(first, secret_bytes(), SECRET_BYTES);
    unlink(path);
    assert_int_equal(secret_open(path, &message), 0);
    assert_true(memcmp(first, secret_bytes(), SECRET_BYTES) != 0);
}

static void expect_refused(const char *word)
{
    char *message = NULL;
    assert_int_equal(secret_open(path, &message), -1);
    assert_non_null(strstr(message, word));
    assert_non_null(strstr(message, path));
    free(message);
}

static void test_bad_secrets(void **state)
{
    char bytes[SECRET_BYTES] = "0123456789012345678901234567890";
    (void)state;
    write_file("short", 5, 0600);
    expect_refused("32 bytes");
    write_file(bytes, SECRET_BYTES, 0644);
    expect_refused("chmod 600");
    unlink(path);
    mkdir(path, 0700);
    expect_refused("32 bytes");
    strcat(path, "/no/folder");
    expect_refused("cannot");
}

static void test_signatures(void **state)
{
    char *message = NULL;
    (void)state;
    write_file("0123456789abcdef0123456789abcdef", 32, 0600);
    assert_int_equal(secret_open(path, &message), 0);
    /* By hand: HMAC-SHA-256 under HMAC-SHA-256(secret, purpose). */
    script_run(
        CRYPTO
        "local s = crypto.sign('owner', 'abc')\n"
        "assert(#s == 43 and s:find '^[%w_-]+$')\n"
        "assert(s == '2k7SQmVCqyaJn7VIwRv2xL_-52wnsG3wteZVZOUMgmc', s)\n"
        "assert(s == crypto.sign('owner', 'abc') and s ~= crypto.sign('owner', 'abd') and s ~= "
        "crypto.sign('other', 'abc'))\n"
        "assert(crypto.sign('a', 'bc') ~= crypto.sign('ab', 'c'))\n"
        "assert(not pcall(crypto.sign, 'owner')) assert(not pcall(crypto.sign, 'owner', 5))");
}

static void test_hash_and_equal(void **state)
{
    (void)state;
    script_run(CRYPTO
               "assert(crypto.sha256 '' == "
               "'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')\n"
               "assert(crypto.sha256 'abc' == "
               "'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')\n"
               "assert(crypto.sha256 'a\\0b' ~= crypto.sha256 'a')\n"
               "assert(crypto.equal('a', 'a') == true and crypto.equal('a', 'b') == false and "
               "crypto.equal('a', 'aa') == false)\n"
               "assert(crypto.equal('a\\0b', 'a\\0c') == false and crypto.equal('', '') == true)\n"
               "assert(not pcall(crypto.equal, 'a', nil)) assert(not pcall(crypto.sha256, {}))");
}

static void test_token(void **state)
{
    (void)state;
    script_run(
        CRYPTO
        "local seen = {}\n"
        "for n = 1, 64 do local t = crypto.token(n) assert(#t == math.ceil(n * 4 / 3) and t:find "
        "'^[%w_-]+$', t) end\n"
        "for _ = 1, 1000 do local t = crypto.token(16) assert(not seen[t]) seen[t] = true end\n"
        "assert(#crypto.token(1024) == 1366)\n"
        "for n = 1, 64 do local h = crypto.hex(n) assert(#h == 2 * n and h:find '^[0-9a-f]+$', h) "
        "end\n"
        "assert(crypto.hex(16) ~= crypto.hex(16) and #crypto.hex(1024) == 2048)\n"
        "for _, n in ipairs {0, -1, 1025, 1.5, 'x'} do assert(not pcall(crypto.token, n) and not "
        "pcall(crypto.hex, n)) end");
}

static void test_base64(void **state)
{
    (void)state;
    script_run(
        CRYPTO
        "local want = {[''] = '', f = 'Zg==', fo = 'Zm8=', foo = 'Zm9v', foob = 'Zm9vYg==', fooba "
        "= 'Zm9vYmE=', foobar = "
        "'Zm9vYmFy', ['\\xfb\\xff\\0'] = '+/8A'}\n"
        "for plain, text in pairs(want) do assert(crypto.base64(plain) == text) "
        "assert(crypto.unbase64(text) == plain) end\n"
        "for _, bad in ipairs {'A', 'AA', 'AAA', 'AA=A', 'A===', '====', '=', 'Zg==Zg==', 'Zh==', "
        "'Zm9=', 'Zm 9v', "
        "'Zm9v\\n', '-_8A', 'Zm9\\0', 'Zg\\0='} do assert(crypto.unbase64(bad) == nil, bad) end\n"
        "for n = 0, 300 do local t = {} for i = 1, n do t[i] = string.char(math.random(0, 255)) "
        "end t = table.concat(t) "
        "assert(crypto.unbase64(crypto.base64(t)) == t) end");
}

static const struct CMUnitTest tests[] = {
    TEST(test_no_secret_no_signature),
    TEST(test_secret_is_made_once),
    TEST(test_bad_secrets),
    TEST(test_signatures),
    TEST(test_hash_and_equal),
    TEST(test_token),
    TEST(test_base64),
};

TEST_GROUP(api_crypto, tests, NULL, NULL)
