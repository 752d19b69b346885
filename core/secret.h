/* secret: the installation's own secret, from which owner keys and signatures are derived: 32
 * random bytes in a file of mode 0600, created at the first start. Losing it invalidates all keys
 * that were given out; anyone who reads it can make keys. The loop's thread. */
#ifndef SECRET_H
#define SECRET_H
enum { SECRET_BYTES = 32 };

/* Reads the file or creates it. Call it once at start, when the folder exists. 0; or -1 and
 * *message (the caller frees). Waits for the disk. */
int secret_open(const char *path, char **message);
/* SECRET_BYTES bytes; NULL before secret_open(). */
const unsigned char *secret_bytes(void);
#endif
