#include "httpd_reply.h"
#include "httpd_request.h"

static int has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static void answer(struct httpd_request *request, int status, const struct httpd_field *fields,
                   const void *body, size_t len, size_t promised)
{
    if (httpd_request_answer(request)) {
        int64_t length = has_body(status) ? (int64_t)promised : -1;
        struct iovec iov[2] = { httpd_request_head(request, status, fields, length),
                                { (void *)(uintptr_t)body, len } };
        int niov = has_body(status) && !httpd_request_is_head(request) ? 2 : 1;
        if (httpd_conn_send(request->conn, iov, niov) != 0) httpd_conn_close(request->conn);
    }
    httpd_request_end(request);
}

void httpd_reply(struct httpd_request *request, int status, const struct httpd_field *fields,
                 const void *body, size_t len)
{
    answer(request, status, fields, body, len, len);
}

void httpd_reply_problem(struct httpd_request *request, int status, const char *code,
                         const char *detail, const char *allow)
{
    struct httpd_field fields[] = { { "Content-Type", "application/problem+json" },
                                    { allow ? "Allow" : NULL, allow },
                                    { 0 } };
    char body[HTTPD_PROBLEM_BYTES];
    size_t len = httpd_problem_write(body, status, code, detail, request->id);
    httpd_reply(request, status, fields, body, len);
}

void httpd_cut(struct httpd_request *request, int status, const struct httpd_field *fields,
               const void *body, size_t len, size_t promised)
{
    request->close = 1;
    if (status != 0) {
        answer(request, status, fields, body, len, promised);
        return;
    }
    if (httpd_request_answer(request)) httpd_conn_close(request->conn);
    httpd_request_end(request);
}
