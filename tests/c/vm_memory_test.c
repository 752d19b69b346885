#include "vm_memory.h"
#include "test.h"

enum { BLOCKS = 2000, ROUNDS = 200000 };

static struct vm_memory memory;

static int set_up(void **state)
{
    (void)state;
    vm_memory_init(&memory, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(memory.bytes, 0);
    vm_memory_fini(&memory);
    return 0;
}

static void *resize(void *block, size_t old_size, size_t size)
{
    return vm_memory_allocate(&memory, block, old_size, size);
}

static size_t next_size(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    size_t random = *seed >> 8;
    return random % 8 == 0 ? random % 5000 : random % 300;
}

/* Whatever is made, resized and dropped, each block keeps what was written to it. */
static void test_blocks_keep_their_bytes(void **state)
{
    static struct {
        unsigned char *bytes;
        size_t size;
    } blocks[BLOCKS];
    unsigned seed = 7;
    size_t in_use = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        size_t at = next_size(&seed) % BLOCKS, size = next_size(&seed),
               kept = blocks[at].size < size ? blocks[at].size : size;
        unsigned char mark = (unsigned char)at;
        blocks[at].bytes = resize(blocks[at].bytes, blocks[at].size, size);
        for (size_t k = 0; k < kept; k++)
            if (blocks[at].bytes[k] != mark)
                fail_msg("block %d of %d bytes was written over", (int)at, (int)size);
        in_use += size - blocks[at].size;
        blocks[at].size = size;
        if (size) memset(blocks[at].bytes, mark, size);
        assert_int_equal(memory.bytes, in_use);
    }
    for (int i = 0; i < BLOCKS; i++)
        blocks[i].bytes = resize(blocks[i].bytes, blocks[i].size, 0);
}

static void test_cap(void **state)
{
    (void)state;
    char *one = resize(NULL, 0, 1 << 19);
    assert_non_null(one);
    memory.capped = 1;
    assert_null(resize(NULL, 0, (1 << 19) + 1));
    assert_null(resize(one, 1 << 19, (1 << 20) + 1));
    one[(1 << 19) - 1] = 'x'; /* it is still there */
    char *two = resize(NULL, 0, 1 << 19);
    assert_non_null(two);
    assert_null(resize(NULL, 0, 1));
    two = resize(two, 1 << 19, 100);
    assert_non_null(two);
    memory.capped = 0;
    two = resize(two, 100, 2 << 20);
    assert_non_null(two);
    resize(one, 1 << 19, 0);
    resize(two, 2 << 20, 0);
}

/* More small blocks than the stretch has room for. */
static void test_many(void **state)
{
    enum { MANY = 120000, SIZE = 200 };
    char **blocks = malloc(MANY * sizeof *blocks);

    (void)state;
    assert_non_null(blocks);
    for (int i = 0; i < MANY; i++) {
        blocks[i] = resize(NULL, 0, SIZE);
        memset(blocks[i], i % 100, SIZE);
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(blocks[i][SIZE - 1], i % 100);
        resize(blocks[i], SIZE, 0);
    }
    free(blocks);
}

/* For a block that is made, Lua says its type where the old size stands. */
static void test_type_in_place_of_size(void **state)
{
    (void)state;
    void *block = resize(NULL, 8, 24);
    assert_int_equal(memory.bytes, 24);
    resize(block, 24, 0);
    assert_null(resize(NULL, 5, 0));
}

static const struct CMUnitTest tests[] = { TEST(test_blocks_keep_their_bytes), TEST(test_cap),
                                           TEST(test_many), TEST(test_type_in_place_of_size) };

TEST_GROUP(vm_memory, tests, NULL, NULL)
