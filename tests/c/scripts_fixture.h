/* scripts: a folder of scripts for a test, made and taken away. Files are named below it:
 * "init.lua", "lib/x.lua". */
#ifndef SCRIPTS_FIXTURE_H
#define SCRIPTS_FIXTURE_H
#include "test.h"
#include <sys/stat.h>

static char scripts_root[64], scripts_folder[80];

static inline int scripts_make(void)
{
    strcpy(scripts_root, "/tmp/scripts_test.XXXXXX");
    if (!mkdtemp(scripts_root)) return -1;
    snprintf(scripts_folder, sizeof scripts_folder, "%s/scripts", scripts_root);
    return mkdir(scripts_folder, 0700);
}

static inline void scripts_clear(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", scripts_root);
    if (system(command) != 0) fprintf(stderr, "%s stays behind\n", scripts_root);
}

static inline void scripts_write_bytes(const char *name, const char *bytes, size_t len)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", scripts_folder, name);
    for (char *slash = strchr(path + strlen(scripts_folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static inline void scripts_write(const char *name, const char *text)
{
    scripts_write_bytes(name, text, strlen(text));
}
#endif
