/* test: what every *_test.c includes. The file ends with TEST_GROUP(name, tests, set_up,
 * tear_down), which makes `tests` known to the program (main.c). */
#ifndef TEST_H
#define TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct test_group {
    const char *name;
    const struct CMUnitTest *tests;
    size_t ntests;
    CMFixtureFunction set_up, tear_down; /* once for the group; may be NULL */
    struct test_group *next;
};

void test_register(struct test_group *group);

/* test_make_folder() makes a temporary folder, test_remove_folder() removes it with its content.
 * Both return 0, or -1. */
extern char test_folder[64];
int test_make_folder(void);
int test_remove_folder(void);
/* The path of a file in it; valid for the next few calls. */
const char *test_path(const char *name);
/* Writes a file in it, and makes the folders in its name. */
void test_write_bytes(const char *name, const void *bytes, size_t len);
void test_write(const char *name, const char *text);

/* A test with the file's own set_up() and tear_down(). */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#define TEST_GROUP(group_name, group_tests, group_set_up, group_tear_down)                         \
    __attribute__((constructor)) static void register_group(void)                                  \
    {                                                                                              \
        static struct test_group group = { .name = #group_name,                                    \
                                           .tests = group_tests,                                   \
                                           .ntests = sizeof group_tests / sizeof *group_tests,     \
                                           .set_up = group_set_up,                                 \
                                           .tear_down = group_tear_down };                         \
        test_register(&group);                                                                     \
    }
#endif
