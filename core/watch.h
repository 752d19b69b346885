/* watch: reports changes of files below some folders (inotify) once they have settled. Files whose
 * name begins with a dot or ends with ~ are editors' temporary files and are ignored. The loop's
 * thread. */
#ifndef WATCH_H
#define WATCH_H
#include "loop.h"

struct watch;

/* Watches the folders `names` (NULL-terminated; must outlive the watch) below `root` with all their
 * subfolders (a name that begins with / is a path of its own), and the files of those names in
 * `root` itself. changed(arg) is called 100 ms after
 * the last change; it may free the watch. NULL when the system allows no more watches. */
struct watch *watch_new(struct loop *loop, const char *root, const char *const *names,
                        loop_fn *changed, void *arg);
void watch_free(struct watch *watch);
#endif
