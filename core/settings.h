/* settings: what the C side needs to know of config.lua, read once it was checked. Plain values;
 * filled by api_config. */
#ifndef SETTINGS_H
#define SETTINGS_H
#include <stddef.h>
#include <stdint.h>

struct settings {
    const char *root; /* the folder that holds config.lua, scripts/, www/ and locales/ */
    int rehearsal;    /* this process is the rehearsal (--rehearsal) */
    int production;
    int watch;     /* reload when a file changes */
    int log_level; /* enum log_level */
    int port;
    char host[256];
    char data_dir[4096]; /* where this process keeps its files; made before store is opened. ""
                            under --check */
    int64_t max_body;
    int max_connections;
    int proxied;         /* a proxy in front is trusted: all connections come from its address */
    int script_ms;       /* the longest turn of a script */
    size_t script_bytes; /* the most memory of one generation of the scripts */
};
#endif
