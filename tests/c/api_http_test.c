#include "script_fixture.h"
#include "fetch.h"
#include "shared.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

static int listener, port;

SET_UP()
{
    script_open();
    script_core.fetch = fetch_pool_new(script_core.loop, 4);
    script_core.shared = shared_new();
    shared_set(script_core.shared, "port", 4,
               (struct value){ .type = VALUE_INTEGER, .integer = port }, 0);
    assert_true(script_core.fetch);
}

TEAR_DOWN()
{
    fetch_pool_free(script_core.fetch);
    shared_free(script_core.shared);
    script_close();
}

static void *serve(void *arg)
{
    static const char reply[] = "HTTP/1.1 201 Created\r\nX-One: 1\r\nx-one: 2\r\nX-Empty:\r\n"
                                "Connection: close\r\nContent-Length: ";
    char request[4096], head[256];
    int fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        ssize_t len = recv(fd, request, sizeof request - 1, 0);
        request[len > 0 ? len : 0] = '\0';
        int head_len = snprintf(head, sizeof head, "%s%zd\r\n\r\n", reply, len);
        if (len > 0 && strncmp(request, "GET /hang", 9) == 0)
            len = recv(fd, request, 1, 0);
        else if (len > 0 && send(fd, head, (size_t)head_len, MSG_NOSIGNAL) > 0)
            send(fd, request, (size_t)len, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static int start_server(void **state)
{
    pthread_t thread;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, len) || listen(listener, 8) ||
        getsockname(listener, (struct sockaddr *)&address, &len))
        return -1;
    port = ntohs(address.sin_port);
    pthread_create(&thread, NULL, serve, NULL);
    return pthread_detach(thread);
}

TEST_GROUP("api_http", FIXTURE, .set_up = start_server);

TEST(killed_task)
{
    task_kill(script_start("api_http", "is_killed_while_it_waits"));
    assert_true(script_ended);
    script_run("api_http", "after_a_kill");
}

SCRIPT_CASES("api_http")
