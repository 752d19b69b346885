/* core.crypto: OpenSSL's hashes, the system's random bytes, the installation's secret. */
#include "api.h"
#include "random.h"
#include "secret.h"
#include <lauxlib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

enum { HASH = 32, MAX_TOKEN = 1024 };

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlsafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static const unsigned char *check_bytes(lua_State *L, int index, size_t *len)
{
    luaL_checktype(L, index, LUA_TSTRING);
    return (const unsigned char *)lua_tolstring(L, index, len);
}

static void push_base64(lua_State *L, const unsigned char *bytes, size_t len, const char *alphabet,
                        int pad)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        unsigned three = (unsigned)bytes[i] << 16 | (n > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
                         (n > 2 ? bytes[i + 2] : 0);
        for (size_t k = 0; k <= n; k++)
            luaL_addchar(&b, alphabet[three >> (18 - 6 * k) & 63]);
        for (size_t k = n; pad && k < 3; k++)
            luaL_addchar(&b, '=');
    }
    luaL_pushresult(&b);
}

static void push_hex(lua_State *L, const unsigned char *bytes, size_t len)
{
    luaL_Buffer b;
    char *hex = luaL_buffinitsize(L, &b, 2 * len);
    for (size_t i = 0; i < len; i++)
        hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4],
                hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    luaL_pushresultsize(&b, 2 * len);
}

/* As many random bytes as argument 1 says. Returns how many that are. */
static size_t read_random(lua_State *L, unsigned char bytes[MAX_TOKEN])
{
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 1 && n <= MAX_TOKEN, 1, "between 1 and 1024 bytes");
    random_bytes(bytes, (size_t)n);
    return (size_t)n;
}

static int token(lua_State *L)
{
    unsigned char bytes[MAX_TOKEN];
    size_t n = read_random(L, bytes);
    push_base64(L, bytes, n, urlsafe, 0);
    OPENSSL_cleanse(bytes, n);
    return 1;
}

static int random_hex(lua_State *L)
{
    unsigned char bytes[MAX_TOKEN];
    size_t n = read_random(L, bytes);
    push_hex(L, bytes, n);
    OPENSSL_cleanse(bytes, n);
    return 1;
}

static void hash(lua_State *L, const unsigned char *bytes, size_t len, unsigned char out[HASH])
{
    if (EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) != 1)
        luaL_error(L, "SHA-256 is not available");
}

static int sha256(lua_State *L)
{
    size_t len;
    unsigned char out[HASH];
    const unsigned char *bytes = check_bytes(L, 1, &len);
    hash(L, bytes, len, out);
    push_hex(L, out, sizeof out);
    return 1;
}

/* Signing: HMAC-SHA-256, with a key of its own for each purpose, so no text of one can be a text of
 * another. Setting a key up costs more than signing with it, so it is kept: a state that is copied
 * for each signature. Purposes are words of the scripts, a handful. */

enum { PURPOSES = 16, PURPOSE = 32 };

static struct signer {
    char purpose[PURPOSE];
    EVP_MAC_CTX *keyed;
} signers[PURPOSES];

static EVP_MAC_CTX *keyed_with(const unsigned char *key)
{
    static EVP_MAC *hmac;
    if (!hmac) hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", (char[]){ "SHA256" }, 0),
                            OSSL_PARAM_construct_end() };
    if (mac && EVP_MAC_init(mac, key, HASH, params) == 1) return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}

/* Ends mac. Returns whether it worked. */
static int authenticate(EVP_MAC_CTX *mac, const void *bytes, size_t len, unsigned char out[HASH])
{
    size_t n = 0;
    int done = mac && EVP_MAC_update(mac, bytes, len) == 1 &&
               EVP_MAC_final(mac, out, &n, HASH) == 1 && n == HASH;
    EVP_MAC_CTX_free(mac);
    return done;
}

static struct signer *signer_of(const char *purpose)
{
    for (int i = 0; i < PURPOSES; i++)
        if (!signers[i].keyed || strcmp(signers[i].purpose, purpose) == 0)
            return strlen(purpose) < PURPOSE ? &signers[i] : NULL;
    return NULL;
}

static EVP_MAC_CTX *keyed_for(lua_State *L, const char *purpose)
{
    struct signer *signer = signer_of(purpose);
    if (!signer) luaL_error(L, "crypto.sign: too many purposes, or too long a one: %s", purpose);
    if (signer->keyed) return signer->keyed;
    unsigned char key[HASH];
    if (authenticate(keyed_with(secret_bytes()), purpose, strlen(purpose), key))
        signer->keyed = keyed_with(key);
    OPENSSL_cleanse(key, sizeof key);
    strcpy(signer->purpose, purpose);
    return signer->keyed;
}

static int sign(lua_State *L)
{
    size_t len;
    unsigned char out[HASH];
    const char *purpose = luaL_checkstring(L, 1);
    const unsigned char *bytes = check_bytes(L, 2, &len);
    if (!secret_bytes())
        return luaL_error(L, "crypto.sign: the installation's secret is not open (not while the "
                             "scripts are only checked)");
    EVP_MAC_CTX *keyed = keyed_for(L, purpose);
    if (!keyed || !authenticate(EVP_MAC_CTX_dup(keyed), bytes, len, out))
        return luaL_error(L, "HMAC-SHA-256 is not available");
    push_base64(L, out, sizeof out, urlsafe, 0);
    return 1;
}

/* Of the hashes, so that time tells nothing of the length either. */
static int equal(lua_State *L)
{
    size_t a_len, b_len;
    unsigned char a[HASH], b[HASH];
    const unsigned char *one = check_bytes(L, 1, &a_len), *other = check_bytes(L, 2, &b_len);
    hash(L, one, a_len, a);
    hash(L, other, b_len, b);
    lua_pushboolean(L, CRYPTO_memcmp(a, b, HASH) == 0);
    return 1;
}

static int base64(lua_State *L)
{
    size_t len;
    const unsigned char *bytes = check_bytes(L, 1, &len);
    push_base64(L, bytes, len, plain, 1);
    return 1;
}

/* The value of four characters, the last `pad` of them "="; -1 when they are none, or say bits that
 * are not used. */
static long read_four(const char *text, int pad)
{
    long value = 0;
    for (int i = 0; i < 4 - pad; i++) {
        const char *found = text[i] ? strchr(plain, text[i]) : NULL;
        if (!found) return -1;
        value = value << 6 | (found - plain);
    }
    value <<= 6 * pad;
    return value & ((1L << 8 * pad) - 1) ? -1 : value;
}

static int unbase64(lua_State *L)
{
    size_t len;
    luaL_Buffer b;
    const char *text = (const char *)check_bytes(L, 1, &len);
    if (len % 4) return luaL_pushfail(L), 1;
    luaL_buffinit(L, &b);
    for (size_t i = 0; i < len; i += 4) {
        int last = i + 4 == len,
            pad = last ? (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=') : 0;
        long value = read_four(text + i, pad);
        if (value < 0) return luaL_pushfail(L), 1;
        for (int k = 0; k < 3 - pad; k++)
            luaL_addchar(&b, (char)(value >> (16 - 8 * k) & 255));
    }
    luaL_pushresult(&b);
    return 1;
}

int api_crypto_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "token", token },       { "hex", random_hex },
                                          { "sha256", sha256 },     { "sign", sign },
                                          { "equal", equal },       { "base64", base64 },
                                          { "unbase64", unbase64 }, { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
