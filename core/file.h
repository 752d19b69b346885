/* file: reads and writes whole files. Blocks on the disk; may be called on any thread. */
#ifndef FILE_H
#define FILE_H
#include <stddef.h>
#include <sys/types.h>

/* The file's bytes with a NUL behind them, and their number; the caller frees. NULL and errno:
 * EFBIG when there are more than `max_len`. Follows symbolic links; sockets and other special files
 * read until their end. */
char *file_read(const char *path, size_t max_len, size_t *len);
/* Makes a new file with this content and mode, and waits until it is on the disk. 0; or -1 and
 * errno: EEXIST when there is one already. After another failure nothing is left behind. */
int file_create(const char *path, const void *bytes, size_t len, mode_t mode);
/* Puts the content in place of the file in one step: readers, and a machine that loses power, see
 * the old or the new whole. PATH.new is overwritten on the way. 0; or -1 and errno. */
int file_replace(const char *path, const void *bytes, size_t len, mode_t mode);
/* The same without waiting for the disk: after a power failure the content may be missing, until
 * file_sync_all() has returned. */
int file_replace_unsynced(const char *path, const void *bytes, size_t len, mode_t mode);
/* Waits until everything written so far to the folder's file system is on the disk. 0; or -1 and
 * errno. */
int file_sync_all(const char *folder);
/* Waits until the names in a folder are on the disk. `base`: an open folder that a relative path
 * starts from, or AT_FDCWD. 0; or -1 and errno. */
int file_sync_folder(int base, const char *path);
/* The same for the folder that holds `path`. */
int file_sync_folder_of(const char *path);
#endif
