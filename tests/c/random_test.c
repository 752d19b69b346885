#include "random.h"
#include "test.h"

TEST_GROUP("random");

TEST(no_bytes_are_given_out_twice)
{
    enum { N = 1000, LEN = 24 };
    static unsigned char taken[N][LEN];
    for (int i = 0; i < N; i++)
        random_bytes(taken[i], LEN);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(taken[i], taken[k], LEN);
}

static int bits_set(const unsigned char *bytes, size_t len)
{
    int count = 0;
    for (size_t i = 0; i < len; i++)
        count += __builtin_popcount(bytes[i]);
    return count;
}

TEST(long_requests_are_filled_to_the_end)
{
    static unsigned char bytes[100000 + 1];
    random_bytes(bytes, sizeof bytes - 1);
    assert_int_equal(bytes[sizeof bytes - 1], 0);
    for (size_t at = 0; at + 1000 < sizeof bytes; at += 1000)
        assert_in_range(bits_set(bytes + at, 1000), 3500, 4500);
}
