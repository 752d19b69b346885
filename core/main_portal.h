/* main_portal: the parts of one running process, shared by the main_*.c files. */
#ifndef MAIN_PORTAL_H
#define MAIN_PORTAL_H
#include "api.h"
#include "api_script_version.h"
#include "settings.h"

struct portal {
    struct core core;
    struct settings settings; /* in force */
    struct server server;
    struct watch *watch; /* or NULL */
    int lock;            /* descriptor of DATA_DIR/lock, or -1 */
    int status;          /* the process's exit status */
};
#endif
