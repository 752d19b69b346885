/* api_request: from a request on the wire to a task that runs its handler, and to the answer. */
#ifndef API_REQUEST_H
#define API_REQUEST_H

struct httpd_request;

/* httpd's on_request; `server` is a struct server with a current script version. */
void api_request_serve(struct httpd_request *request, void *server);
#endif
