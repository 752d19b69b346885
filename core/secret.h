/* secret: the installation's own secret, from which owner keys and signatures are made. 32 random
 * bytes in a file of mode 0600, made at first start. Floor 1. Whoever loses it makes all keys that
 * were given out invalid; whoever reads it can make them. */
#ifndef SECRET_H
#define SECRET_H
enum { SECRET_BYTES = 32 };

/* Reads the file, or makes it. Called once at start, when the folder is there. Returns 0; or -1 and
 * *message (caller frees). */
int secret_open(const char *path, char **message);
/* SECRET_BYTES bytes; NULL before secret_open(). */
const unsigned char *secret_bytes(void);
#endif
