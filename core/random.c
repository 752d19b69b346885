#include "random.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static unsigned char pool[1024];
static size_t used = sizeof pool;

static void fetch(unsigned char *bytes, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t more = getrandom(bytes + got, len - got, 0);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) {
            fputs("the system has no random numbers\n", stderr);
            abort();
        }
        got += (size_t)more;
    }
}

void random_bytes(void *bytes, size_t len)
{
    if (len > sizeof pool) {
        fetch(bytes, len);
        return;
    }
    if (len > sizeof pool - used) {
        fetch(pool, sizeof pool);
        used = 0;
    }
    memcpy(bytes, pool + used, len);
    explicit_bzero(pool + used, len);
    used += len;
}
