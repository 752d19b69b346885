/* --health: asks the portal of this machine whether it is ready, for a container's HEALTHCHECK. A
 * small blocking client: no scripts, no configuration, so that an edit gone wrong does not make a
 * running portal look sick. */
#include "main_parts.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_ROOM = 4096, SECONDS = 3 };

static const char *given(const char *name, const char *missing)
{
    const char *value = getenv(name);

    return value && *value ? value : missing;
}

/* Where the portal that listens on `host` can be reached from here. */
static const char *loopback(const char *host)
{
    if (strcmp(host, "0.0.0.0") == 0) return "127.0.0.1";
    return strcmp(host, "::") == 0 ? "::1" : host;
}

static int connect_to(const struct addrinfo *address)
{
    struct timeval patience = { .tv_sec = SECONDS };
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, 0);

    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) return fd;
    close(fd);
    return -1;
}

static int open_connection(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    int fd = -1;

    if (getaddrinfo(host, port, &hints, &list) != 0) return -1;
    for (struct addrinfo *address = list; address && fd < 0; address = address->ai_next)
        fd = connect_to(address);
    freeaddrinfo(list);
    return fd;
}

/* Sends the question and reads the answer to its end, or to what there is room for. Returns the
 * length, or -1. */
static int exchange(int fd, const char *host, const char *port, char *answer)
{
    char question[512];
    int len =
            snprintf(question, sizeof question,
                     "GET /ready HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", host, port),
        got = 0;

    if (len >= (int)sizeof question || send(fd, question, (size_t)len, MSG_NOSIGNAL) != len)
        return -1;
    for (ssize_t n; got < ANSWER_ROOM - 1 &&
                    (n = recv(fd, answer + got, (size_t)(ANSWER_ROOM - 1 - got), 0)) != 0;
         got += (int)n)
        if (n < 0) return -1;
    answer[got] = '\0';
    return got;
}

static int judge(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");

    if (strncmp(answer, "HTTP/1.1 200 ", 13) == 0) return 0;
    fprintf(stderr, "health: not ready: %s\n", body && body[4] ? body + 4 : answer);
    return 1;
}

int main_health(const char *port)
{
    char answer[ANSWER_ROOM];
    const char *host = loopback(given("HOST", "127.0.0.1"));

    if (!port) port = given("PORT", "3000");
    int fd = open_connection(host, port);
    if (fd < 0) {
        fprintf(stderr, "health: nothing answers at %s port %s\n", host, port);
        return 1;
    }
    int len = exchange(fd, host, port, answer);
    close(fd);
    if (len > 0) return judge(answer);
    fprintf(stderr, "health: no answer came from %s port %s in %d s\n", host, port, SECONDS);
    return 1;
}
