/* Runs the groups of all *_test.c, each in a process of its own, so that signals, limits and static
 * state of one cannot disturb another; twice as many at once as there are processors, because
 * most of them wait most of the time.
 *
 *   c_tests [PATTERN]   the groups whose name contains PATTERN, and other groups' tests that do
 *
 * The output of a group is shown when it fails. */
#include "test.h"
#include "log.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* No group waits for ever, also under a sanitizer on a busy machine. */
enum { GROUP_SECONDS = 300 };

struct run {
    const struct test_group *group;
    pid_t pid;
    FILE *output;
    double started;
};

static struct test_group *groups;
static const char *pattern = "";

/* Keeps the groups in the order of their names. */
static void add_group(struct test_group *group)
{
    struct test_group **at = &groups;
    while (*at && strcmp((*at)->name, group->name) < 0)
        at = &(*at)->next;
    group->next = *at;
    *at = group;
}

void test_add(struct test_group *group, const char *name, CMUnitTestFunction test, void *state)
{
    if (group->ntests == 0) add_group(group);
    group->tests = realloc(group->tests, (group->ntests + 1) * sizeof *group->tests);
    group->tests[group->ntests++] =
        (struct CMUnitTest){ name, test, group->each_set_up, group->each_tear_down, state };
}

void test_parts(const char *text, const char *const *parts, int are_wanted, const char *file,
                int line)
{
    for (; *parts; parts++) {
        if ((strstr(text, *parts) != NULL) == are_wanted) continue;
        print_error("%s \"%s\": %s\n", are_wanted ? "no" : "there is", *parts, text);
        _fail(file, line);
    }
}

/* --- the folder of a test --- */

char test_folder[64];

void test_make_folder(void)
{
    strcpy(test_folder, "/tmp/c_tests.XXXXXX");
    assert_non_null(mkdtemp(test_folder));
}

void test_remove_folder(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", test_folder);
    assert_int_equal(system(command), 0);
}

const char *test_path(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static void make_folders(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s", test_path(name));
    for (char *slash = path + strlen(test_folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

void test_write_bytes(const char *name, const void *bytes, size_t len)
{
    make_folders(name);
    FILE *file = fopen(test_path(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

void test_write(const char *name, const char *text)
{
    test_write_bytes(name, text, strlen(text));
}

/* --- running --- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Whether the whole group is wanted, or a test of it. */
static int is_wanted(const struct test_group *group)
{
    if (strstr(group->name, pattern)) return 1;
    for (size_t i = 0; i < group->ntests; i++)
        if (strstr(group->tests[i].name, pattern)) return 1;
    return 0;
}

static int run_group(const struct test_group *group)
{
    char filter[128];
    snprintf(filter, sizeof filter, "*%s*", pattern);
    if (!strstr(group->name, pattern)) cmocka_set_test_filter(filter);
    alarm(GROUP_SECONDS);
    signal(SIGPIPE, SIG_IGN);
    log_init(STDOUT_FILENO, LOG_ERROR);
    srand(1);
    return _cmocka_run_group_tests(group->name, group->tests, group->ntests, group->set_up,
                                   group->tear_down);
}

static struct run *free_slot(struct run *runs)
{
    while (runs->pid != 0)
        runs++;
    return runs;
}

static void start(struct run *run, const struct test_group *group)
{
    *run = (struct run){ .group = group, .output = tmpfile(), .started = seconds() };
    if (!run->output || (run->pid = fork()) < 0) {
        perror("c_tests");
        exit(1);
    }
    if (run->pid > 0) return;
    dup2(fileno(run->output), STDOUT_FILENO);
    dup2(fileno(run->output), STDERR_FILENO);
    fclose(run->output);
    exit(run_group(group) == 0 ? 0 : 1);
}

static void show(FILE *output)
{
    char piece[4096];
    rewind(output);
    for (size_t got; (got = fread(piece, 1, sizeof piece, output)) > 0;)
        fwrite(piece, 1, got, stdout);
}

/* Returns 1 when the group failed. */
static int report(struct run *run, int status)
{
    int failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (failed) show(run->output);
    fclose(run->output);
    printf("%-6s %-14s %3zu tests %6.2f s", failed ? "FAILED" : "ok", run->group->name,
           run->group->ntests, seconds() - run->started);
    if (WIFSIGNALED(status)) printf(" (%s)", strsignal(WTERMSIG(status)));
    printf("\n");
    fflush(stdout);
    return failed;
}

/* Waits for one of the groups; it gives its slot free. */
static int finish_one(struct run *runs, long nruns)
{
    int status;
    pid_t pid = wait(&status);
    for (long i = 0; i < nruns; i++) {
        if (runs[i].pid != pid) continue;
        runs[i].pid = 0;
        return report(&runs[i], status);
    }
    abort();
}

/* What the children of child_test.c do. */
static int be_child(const char *what)
{
    char buffer[4096];
    if (strcmp(what, "hang") == 0) {
        puts("ready");
        fflush(stdout);
        for (;;)
            pause();
    }
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, stdin)) > 0;)
        fwrite(buffer, 1, n, stdout);
    fprintf(stderr, "COLOUR=%s\n", getenv("COLOUR"));
    return 7;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "child") == 0) return be_child(argv[2]);
    struct run runs[16] = { 0 };
    long nruns = 2 * sysconf(_SC_NPROCESSORS_ONLN), nrunning = 0;
    int count = 0, failed = 0;
    if (argc > 1) pattern = argv[1];
    if (nruns > 16) nruns = 16;
    for (const struct test_group *group = groups; group; group = group->next) {
        if (!is_wanted(group)) continue;
        if (nrunning == nruns) {
            failed += finish_one(runs, nruns);
            nrunning--;
        }
        start(free_slot(runs), group);
        nrunning++;
        count++;
    }
    for (; nrunning > 0; nrunning--)
        failed += finish_one(runs, nruns);
    if (count == 0) printf("c_tests: nothing is called \"%s\"\n", pattern);
    return failed > 0 || count == 0;
}
