/* bundle: the files of a folder as they were at one moment: an installation's own scripts. Blocks
 * on the disk; any thread, one at a time.
 *
 * A path is parts of letters, digits, ".", "-" and "_", separated by "/"; no part begins with a
 * dot. Files with other names, and those that end with "~", are not read. */
#ifndef BUNDLE_H
#define BUNDLE_H
#include <stddef.h>

enum { BUNDLE_FILES = 200, BUNDLE_BYTES = 1 << 20, BUNDLE_HASH = 64 };

struct bundle_file {
    char *path;
    char *text; /* any bytes, followed by a NUL */
    size_t len;
};
struct bundle {
    int refs, count;
    size_t bytes;
    struct bundle_file *files; /* sorted by path, once bundle_seal() was called */
    char hash[BUNDLE_HASH + 1];
};

/* An empty one, with one reference. */
struct bundle *bundle_new(void);
void bundle_ref(struct bundle *bundle);
/* NULL is allowed. */
void bundle_unref(struct bundle *bundle);
/* Adds a file. NULL; or what is wrong, to be freed: a bad path, too many files, too many bytes. */
char *bundle_add(struct bundle *bundle, const char *path, const void *text, size_t len);
/* Sorts the files and computes the hash, after the last bundle_add(). Equal content has equal
 * hashes, in every process. NULL; or what is wrong, to be freed: two files of one path. */
char *bundle_seal(struct bundle *bundle);
/* The file, or NULL. */
const struct bundle_file *bundle_find(const struct bundle *bundle, const char *path);

/* Reads a folder. A folder that does not exist gives an empty bundle. NULL and *message, to be
 * freed. */
struct bundle *bundle_read(const char *folder, char **message);
/* Makes the folder hold these files and no others that bundle_read() would read. Not in one step:
 * an interrupted call may be repeated. NULL; or what is wrong, to be freed. */
char *bundle_write(const struct bundle *bundle, const char *folder);

/* A descriptor (close-on-exec) of memory that a child process inherits. -1 and errno. */
int bundle_channel(void);
/* Writes the bundle to it, for bundle_receive() in the child. 0; or -1 and errno. */
int bundle_send(const struct bundle *bundle, int channel);
/* NULL and *message, to be freed. Closes the descriptor. */
struct bundle *bundle_receive(int fd, char **message);
#endif
