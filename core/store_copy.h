/* store_copy: a consistent copy of a journal, even of one that a portal is using. */
#ifndef STORE_COPY_H
#define STORE_COPY_H

/* Copies the journal into a new file of mode 0600 and checks the copy. Returns 0; or -1 and
 * *message (the caller frees), and there is no new file. Needs no open store; waits for the disk.
 */
int store_copy(const char *from_path, const char *to_path, char **message);
#endif
