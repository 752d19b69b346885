/* core.crypto: OpenSSL's hashes, the system's random bytes and the installation's secret. See
 * scripts/meta/crypto.lua. */
#include "api.h"
#include "random.h"
#include "secret.h"
#include <lauxlib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { HASH_BYTES = 32, MAX_RANDOM = 1024, MAX_BASE64 = 1 << 30 };

static const unsigned char *check_bytes(lua_State *L, int index, size_t *len)
{
    luaL_checktype(L, index, LUA_TSTRING);
    return (const unsigned char *)lua_tolstring(L, index, len);
}

static void push_hex(lua_State *L, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    luaL_Buffer buffer;
    char *hex = luaL_buffinitsize(L, &buffer, 2 * len);
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    luaL_pushresultsize(&buffer, 2 * len);
}

/* --- base64 --- */

static void push_base64(lua_State *L, const unsigned char *bytes, size_t len)
{
    luaL_Buffer buffer;
    if (len > MAX_BASE64) luaL_error(L, "too long for base64");
    char *text = luaL_buffinitsize(L, &buffer, (len + 2) / 3 * 4 + 1);
    int text_len = EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    luaL_pushresultsize(&buffer, (size_t)text_len);
}

/* Of up to MAX_RANDOM bytes: with - and _ in place of + and /, and no padding. */
static void push_base64_urlsafe(lua_State *L, const unsigned char *bytes, size_t len)
{
    char text[MAX_RANDOM / 3 * 4 + 8];
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    size_t text_len = strcspn(text, "=");
    for (size_t i = 0; i < text_len; i++) {
        if (text[i] == '+') text[i] = '-';
        if (text[i] == '/') text[i] = '_';
    }
    lua_pushlstring(L, text, text_len);
    OPENSSL_cleanse(text, sizeof text);
}

static int base64(lua_State *L)
{
    size_t len;
    const unsigned char *bytes = check_bytes(L, 1, &len);
    push_base64(L, bytes, len);
    return 1;
}

/* OpenSSL tolerates blanks and unused bits, so the text must also be what encoding gives again. */
static int unbase64(lua_State *L)
{
    size_t len;
    luaL_Buffer buffer;
    const unsigned char *text = check_bytes(L, 1, &len);
    luaL_argcheck(L, len <= MAX_BASE64, 1, "too long");
    unsigned char *bytes = (unsigned char *)luaL_buffinitsize(L, &buffer, len + 1);
    int count = EVP_DecodeBlock(bytes, text, (int)len);
    int padding = len > 0 ? (text[len - 1] == '=') + (len > 1 && text[len - 2] == '=') : 0;
    luaL_pushresultsize(&buffer, count > padding ? (size_t)(count - padding) : 0);
    const unsigned char *decoded = check_bytes(L, -1, &len);
    push_base64(L, decoded, len);
    int is_canonical = lua_rawequal(L, -1, 1);
    lua_pop(L, 1);
    if (!is_canonical) luaL_pushfail(L);
    return 1;
}

/* --- random --- */

/* Pushes as many random bytes as argument 1 says, as text. */
static int random_text(lua_State *L,
                       void (*push)(lua_State *L, const unsigned char *bytes, size_t len))
{
    unsigned char bytes[MAX_RANDOM];
    lua_Integer count = luaL_checkinteger(L, 1);
    luaL_argcheck(L, count >= 1 && count <= MAX_RANDOM, 1, "between 1 and 1024 bytes");
    random_bytes(bytes, (size_t)count);
    push(L, bytes, (size_t)count);
    OPENSSL_cleanse(bytes, (size_t)count);
    return 1;
}

static int token(lua_State *L)
{
    return random_text(L, push_base64_urlsafe);
}

static int random_hex(lua_State *L)
{
    return random_text(L, push_hex);
}

/* --- hashes --- */

static void hash(lua_State *L, const unsigned char *bytes, size_t len, unsigned char *out)
{
    if (EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) != 1)
        luaL_error(L, "SHA-256 is not available");
}

static int sha256(lua_State *L)
{
    size_t len;
    unsigned char out[HASH_BYTES];
    const unsigned char *bytes = check_bytes(L, 1, &len);
    hash(L, bytes, len, out);
    push_hex(L, out, sizeof out);
    return 1;
}

static void authenticate(lua_State *L, const void *key, size_t key_len, const void *bytes,
                         size_t len, unsigned char *out)
{
    if (!HMAC(EVP_sha256(), key, (int)key_len, bytes, len, out, NULL))
        luaL_error(L, "HMAC-SHA-256 is not available");
}

static int hmac(lua_State *L)
{
    size_t key_len, len;
    unsigned char out[HASH_BYTES];
    const unsigned char *key = check_bytes(L, 1, &key_len), *bytes = check_bytes(L, 2, &len);
    luaL_argcheck(L, key_len <= MAX_RANDOM, 1, "at most 1024 bytes");
    authenticate(L, key, key_len, bytes, len, out);
    lua_pushlstring(L, (char *)out, sizeof out);
    return 1;
}

/* HMAC-SHA-256 under a key of its own for each purpose, so that a signature for one purpose is
 * never valid for another. */
static int sign(lua_State *L)
{
    size_t purpose_len, len;
    unsigned char key[HASH_BYTES], out[HASH_BYTES];
    const char *purpose = luaL_checklstring(L, 1, &purpose_len);
    const unsigned char *bytes = check_bytes(L, 2, &len);
    if (!secret_bytes())
        return luaL_error(L, "crypto.sign: the installation's secret is not open (not while the "
                             "scripts are only checked)");
    authenticate(L, secret_bytes(), HASH_BYTES, purpose, purpose_len, key);
    authenticate(L, key, sizeof key, bytes, len, out);
    OPENSSL_cleanse(key, sizeof key);
    push_base64_urlsafe(L, out, sizeof out);
    return 1;
}

/* Compares hashes, so that the time taken reveals neither the content nor the length. */
static int equal(lua_State *L)
{
    size_t a_len, b_len;
    unsigned char a_hash[HASH_BYTES], b_hash[HASH_BYTES];
    const unsigned char *a = check_bytes(L, 1, &a_len), *b = check_bytes(L, 2, &b_len);
    hash(L, a, a_len, a_hash);
    hash(L, b, b_len, b_hash);
    lua_pushboolean(L, CRYPTO_memcmp(a_hash, b_hash, HASH_BYTES) == 0);
    return 1;
}

int api_crypto_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "token", token },   { "hex", random_hex },
                                          { "sha256", sha256 }, { "hmac", hmac },
                                          { "sign", sign },     { "equal", equal },
                                          { "base64", base64 }, { "unbase64", unbase64 },
                                          { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
