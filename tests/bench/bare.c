/* bare: evhttp answering a constant, and nothing else. What the portal's figures are held against.
 * Prints its port. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>

#include <arpa/inet.h>
#include <stdio.h>

static const char answer[] = "{\"name\":\"test-name\",\"valid\":true,\"available\":true}";

static void on_request(struct evhttp_request *request, void *arg)
{
    struct evbuffer *body = evhttp_request_get_output_buffer(request);

    (void)arg;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "application/json");
    evbuffer_add(body, answer, sizeof answer - 1);
    evhttp_send_reply(request, 200, "OK", NULL);
}

static int port_of(struct evhttp_bound_socket *bound)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;

    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len);
    return ntohs(address.sin_port);
}

int main(void)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = base ? evhttp_new(base) : NULL;
    struct evhttp_bound_socket *bound =
        http ? evhttp_bind_socket_with_handle(http, "127.0.0.1", 0) : NULL;

    if (!bound) {
        perror("bare");
        return 1;
    }
    evhttp_set_gencb(http, on_request, NULL);
    printf("%d\n", port_of(bound));
    fflush(stdout);
    return event_base_dispatch(base);
}
