/* test: what every *_test.c includes. TEST_GROUP(...), with the fields of a struct test_group,
 * comes before the first TEST(name) { ... }. */
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
    CMFixtureFunction set_up, tear_down;           /* once for the group; may be NULL */
    CMFixtureFunction each_set_up, each_tear_down; /* of each test; may be NULL */
    struct CMUnitTest *tests;                      /* in the order of the file */
    size_t ntests;
    struct test_group *next;
};

#define TEST_GROUP(group_name, ...)                                                                \
    static struct test_group test_group = { .name = group_name, __VA_ARGS__ }
/* Of a group whose tests have the file's SET_UP() { ... } and TEAR_DOWN() { ... } around each. */
#define FIXTURE .each_set_up = set_up, .each_tear_down = tear_down
#define SET_UP() TEST_FIXTURE(set_up)
#define TEAR_DOWN() TEST_FIXTURE(tear_down)
#define TEST_FIXTURE(name)                                                                         \
    static void do_##name(void);                                                                   \
    static int name(void **state)                                                                  \
    {                                                                                              \
        do_##name();                                                                               \
        return 0;                                                                                  \
    }                                                                                              \
    static void do_##name(void)

/* Begins a test of the file's group. */
#define TEST(name)                                                                                 \
    static void test_##name(void **state);                                                         \
    __attribute__((constructor)) static void add_##name(void)                                      \
    {                                                                                              \
        test_add(&test_group, #name, test_##name, NULL);                                           \
    }                                                                                              \
    static void test_##name(void **state)

void test_add(struct test_group *group, const char *name, CMUnitTestFunction test, void *state);

/* Runs what follows with each of these texts: EACH (text, "a", "b") check(text); */
#define EACH(text, ...)                                                                            \
    for (const char *const *text##_at = (const char *const[]){ __VA_ARGS__, NULL }, *text;         \
         (text = *text##_at); text##_at++)

/* All of these parts are in the text, or none is; the text is read once. */
#define assert_contains(text, ...) TEST_PARTS(text, 1, __VA_ARGS__)
#define assert_lacks(text, ...) TEST_PARTS(text, 0, __VA_ARGS__)
#define TEST_PARTS(text, are_wanted, ...)                                                          \
    test_parts(text, (const char *const[]){ __VA_ARGS__, NULL }, are_wanted, __FILE__, __LINE__)
void test_parts(const char *text, const char *const *parts, int are_wanted, const char *file,
                int line);

/* test_make_folder() makes a temporary folder, test_remove_folder() removes it with its content. */
extern char test_folder[64];
void test_make_folder(void);
void test_remove_folder(void);
/* The path of a file in it; valid for the next few calls. */
const char *test_path(const char *name);
/* Writes a file in it, and makes the folders in its name. */
void test_write_bytes(const char *name, const void *bytes, size_t len);
void test_write(const char *name, const char *text);
#endif
