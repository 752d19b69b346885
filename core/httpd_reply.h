/* httpd_reply: a whole answer to a request. Framing (Content-Length) is httpd's; HEAD gets the head
 * and no body. The request is dead after each of these calls. On the loop's thread. */
#ifndef HTTPD_REPLY_H
#define HTTPD_REPLY_H
#include "httpd_head.h"

struct httpd_request;

/* The fields end with a NULL name and may be NULL. The body is copied. A "Connection: close" among
 * the fields ends the connection. */
void httpd_reply(struct httpd_request *request, int status, const struct httpd_field *fields,
                 const void *body, size_t len);
/* Answers with a problem document in English. `allow` for a 405, else NULL. Code and detail are
 * constants that need no escape in JSON. */
void httpd_reply_problem(struct httpd_request *request, int status, const char *code,
                         const char *detail, const char *allow);
/* Closes the connection. When status is not 0, first sends a head that promises `promised` bytes
 * and then only `body`: half an answer, for rehearsals. */
void httpd_cut(struct httpd_request *request, int status, const struct httpd_field *fields,
               const void *body, size_t len, size_t promised);
#endif
