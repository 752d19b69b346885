/* watch: tells when files below some folders change (inotify), once the changes have settled.
 * Floor 2. Names that begin with a dot or end with ~ are editors' business and do not count. */
#ifndef WATCH_H
#define WATCH_H
#include "loop.h"

struct watch;

/* Watches the folders `names` (NULL-terminated) below `root`, with all below them, and the files of
 * those names right in `root`. `changed(arg)` comes 100 ms after the last change; it may free the
 * watch. NULL when the system has no more watches to give. */
struct watch *watch_new(struct loop *loop, const char *root, const char *const *names,
                        loop_fn *changed, void *arg);
void watch_free(struct watch *watch);
#endif
