/* settings: the part of config.lua that C needs, as plain values. Filled by api_config. */
#ifndef SETTINGS_H
#define SETTINGS_H
#include <stddef.h>
#include <stdint.h>

struct settings {
    const char *root; /* the folder that holds config.lua, scripts/, www/ and locales/ */
    int is_rehearsal; /* this process is the rehearsal (--rehearsal) */
    int is_production;
    int has_watch; /* reload when a file changes */
    int log_level; /* enum log_level */
    int port;
    char host[256];
    char data_dir[4096]; /* where this process keeps its files; "" under --check */
    int64_t max_body;    /* bytes */
    int max_connections;
    int script_ms;       /* the longest turn of a script */
    size_t script_bytes; /* the most memory of one version of the scripts */
};
#endif
