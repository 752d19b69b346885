#include "hash.h"
#include "test.h"

TEST_GROUP("hash");

/* Equal bytes hash alike wherever they are; any changed byte or length changes the hash. */
TEST(every_byte_counts)
{
    char bytes[41], copy[48];
    memset(bytes, 'b', sizeof bytes);
    for (size_t len = 0; len < sizeof bytes; len++) {
        uint64_t hash = hash_bytes(bytes, len);
        memcpy(copy + 3, bytes, len);
        assert_true(hash_bytes(copy + 3, len) == hash);
        assert_true(hash_bytes(bytes, len + 1) != hash);
        for (size_t i = 0; i < len; i++) {
            bytes[i] ^= 1;
            assert_true(hash_bytes(bytes, len) != hash);
            bytes[i] ^= 1;
        }
    }
    assert_true(hash_text("text") == hash_bytes("text", 4));
}

/* Similar keys spread over the slots of a small table. */
TEST(spread)
{
    int slots[64] = { 0 };
    char key[16];
    for (int i = 0; i < 6400; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        slots[hash_text(key) % 64]++;
    }
    for (int i = 0; i < 64; i++)
        assert_in_range(slots[i], 40, 200);
}
