#include "secret.h"
#include "file.h"
#include "mem.h"
#include "random.h"
#include <errno.h>
#include <sys/stat.h>

static unsigned char secret[SECRET_BYTES];
static int is_open;

static int create(const char *path)
{
    unsigned char fresh[SECRET_BYTES];
    random_bytes(fresh, sizeof fresh);
    int rc = file_replace(path, fresh, sizeof fresh, 0600);
    explicit_bzero(fresh, sizeof fresh);
    return rc;
}

static int read_secret(const char *path, char **message)
{
    size_t len;
    char *bytes = file_read(path, SECRET_BYTES, &len);
    if (!bytes || len != SECRET_BYTES) {
        *message = mem_printf("cannot read %s: %s", path, bytes ? "cut short" : strerror(errno));
        free(bytes);
        return -1;
    }
    memcpy(secret, bytes, sizeof secret);
    explicit_bzero(bytes, len);
    free(bytes);
    is_open = 1;
    return 0;
}

int secret_open(const char *path, char **message)
{
    struct stat info;
    if (stat(path, &info) != 0 &&
        (errno != ENOENT || create(path) != 0 || stat(path, &info) != 0)) {
        *message = mem_printf("cannot make or open %s: %s", path, strerror(errno));
        return -1;
    }
    if (!S_ISREG(info.st_mode) || info.st_size != SECRET_BYTES) {
        *message =
            mem_printf("%s is not a file of %d bytes: put it back from a backup, or remove it "
                       "(all owner keys become invalid)",
                       path, SECRET_BYTES);
        return -1;
    }
    if (info.st_mode & 077) {
        *message =
            mem_printf("%s can be read by others: chmod 600 it, if nobody else has seen it", path);
        return -1;
    }
    return read_secret(path, message);
}

const unsigned char *secret_bytes(void)
{
    return is_open ? secret : NULL;
}
