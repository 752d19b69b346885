/* httpd_stream: a streamed response: the head at once, the body in chunks, no idle timeout. Loop
 * thread only. */
#ifndef HTTPD_STREAM_H
#define HTTPD_STREAM_H
#include "httpd_head.h"

struct httpd_request;

/* on_end(arg) is called once, never from in here, if the client closes or is cut off for not
 * reading (backlog above the limit); then httpd_stream_end() must still be called. */
void httpd_stream_start(struct httpd_request *request, int status, const struct httpd_field *fields,
                        void (*on_end)(void *arg), void *arg);
void httpd_stream_write(struct httpd_request *request, const void *bytes, size_t len);
/* The request is dead afterwards. */
void httpd_stream_end(struct httpd_request *request);
#endif
