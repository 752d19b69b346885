#include "httpd_internal.h"
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- the head ---- */

struct head {
    char *at, *limit;
};

static void put(struct head *head, const char *bytes, size_t len)
{
    memcpy(head->at, bytes, len);
    head->at += len;
}

#define PUT(head, literal) put(head, literal, sizeof literal - 1)

static void put_number(struct head *head, uint64_t number)
{
    char digits[20];
    size_t i = sizeof digits;
    do
        digits[--i] = (char)('0' + number % 10);
    while (number /= 10);
    put(head, digits + i, sizeof digits - i);
}

/* Constant, so that nothing from outside ever stands in a status line. */
static const char *phrase_of(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 303, "See Other" },
        { 304, "Not Modified" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 421, "Misdirected Request" },
        { 422, "Unprocessable Content" },
        { 425, "Too Early" },
        { 428, "Precondition Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status) return phrases[i].phrase;
    return "Status";
}

/* The fields that httpd has an opinion on. */
enum field_kind {
    FIELD_OTHER,
    FIELD_OURS,
    FIELD_CONNECTION,
    FIELD_CACHE = 4,
    FIELD_REFERRER = 8,
    FIELD_SNIFF = 16,
    FIELD_POLICY = 32
};

static enum field_kind kind_of(const char *name)
{
    static const struct {
        const char *name;
        enum field_kind kind;
    } known[] = {
        [4] = { "date", FIELD_OURS },
        [10] = { "connection", FIELD_CONNECTION },
        [12] = { "x-request-id", FIELD_OURS },
        [13] = { "cache-control", FIELD_CACHE },
        [14] = { "content-length", FIELD_OURS },
        [15] = { "referrer-policy", FIELD_REFERRER },
        [17] = { "transfer-encoding", FIELD_OURS },
        [22] = { "x-content-type-options", FIELD_SNIFF },
        [23] = { "content-security-policy", FIELD_POLICY },
    };
    size_t len = strlen(name);
    if (len >= sizeof known / sizeof *known || !known[len].name ||
        strcasecmp(name, known[len].name) != 0)
        return FIELD_OTHER;
    return known[len].kind;
}

static int is_name(const char *name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    const char *c = name;
    while ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
           (*c && strchr(marks, *c)))
        c++;
    return c > name && !*c;
}

static int is_value(const char *value)
{
    const unsigned char *c = (const unsigned char *)value;
    while ((*c >= ' ' && *c != 0x7f) || *c == '\t')
        c++;
    return !*c;
}

static void put_field(struct head *head, struct httpd_request *request,
                      const struct httpd_field *field)
{
    size_t name = strlen(field->name), value = strlen(field->value);
    if (!is_name(field->name) || !is_value(field->value) ||
        name + value + 4 > (size_t)(head->limit - head->at)) {
        if (!log_begin(LOG_ERROR, "httpd.field")) return;
        log_str(
            "message",
            "a header field of the answer holds a control byte or is too long, and was left out");
        log_str("field", field->name);
        log_str("request", request->id);
        log_end();
        return;
    }
    put(head, field->name, name);
    PUT(head, ": ");
    put(head, field->value, value);
    PUT(head, "\r\n");
}

/* Returns which of the fields that httpd would add are given. */
static unsigned put_fields(struct head *head, struct httpd_request *request,
                           const struct httpd_field *field)
{
    unsigned given = 0;
    for (; field && field->name; field++) {
        enum field_kind kind = kind_of(field->name);
        if (kind == FIELD_CONNECTION && strcasecmp(field->value, "close") == 0) request->close = 1;
        if (kind == FIELD_OURS || kind == FIELD_CONNECTION) continue;
        given |= kind;
        put_field(head, request, field);
    }
    return given;
}

static const char *date_of(struct httpd *httpd)
{
    time_t now = time(NULL);
    if (now != httpd->date_second) {
        struct tm tm;
        gmtime_r(&now, &tm);
        strftime(httpd->date, sizeof httpd->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        httpd->date_second = now;
    }
    return httpd->date;
}

static void put_framing(struct head *head, const struct httpd_request *request, int64_t length)
{
    if (length >= 0) {
        PUT(head, "Content-Length: ");
        put_number(head, (uint64_t)length);
        PUT(head, "\r\n");
    }
    if (request->chunked) PUT(head, "Transfer-Encoding: chunked\r\n");
    if (request->close)
        PUT(head, "Connection: close\r\n");
    else if (!request->http11)
        PUT(head, "Connection: keep-alive\r\n");
}

size_t httpd_head(struct httpd_request *request, int status, const struct httpd_field *fields,
                  int64_t length)
{
    struct httpd *httpd = httpd_request_conn(request)->httpd;
    const char *phrase = phrase_of(status), *date = date_of(httpd);
    struct head head = { httpd->head, httpd->head + sizeof httpd->head -
                                          512 }; /* what comes after the fields fits */
    PUT(&head, "HTTP/1.1 ");
    put_number(&head, (uint64_t)status);
    PUT(&head, " ");
    put(&head, phrase, strlen(phrase));
    PUT(&head, "\r\n");
    put(&head, date, strlen(date));
    unsigned given = put_fields(&head, request, fields);
    if (!(given & FIELD_CACHE)) PUT(&head, "Cache-Control: no-store\r\n");
    if (!(given & FIELD_REFERRER)) PUT(&head, "Referrer-Policy: no-referrer\r\n");
    if (!(given & FIELD_SNIFF)) PUT(&head, "X-Content-Type-Options: nosniff\r\n");
    if (!(given & FIELD_POLICY) &&
        status != 304) /* a browser would give it to the page that it kept */
        PUT(&head, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
    PUT(&head, "X-Request-Id: ");
    put(&head, request->id, 16);
    PUT(&head, "\r\n");
    put_framing(&head, request, length);
    PUT(&head, "\r\n");
    return (size_t)(head.at - httpd->head);
}

/* ---- the answer ---- */

static int has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static void answer(struct httpd_request *request, int status, const struct httpd_field *fields,
                   const void *body, size_t len, size_t promised)
{
    struct httpd_conn *conn = httpd_request_conn(request);
    if (httpd_request_answer(request)) {
        size_t head =
            httpd_head(request, status, fields, has_body(status) ? (int64_t)promised : -1);
        struct iovec iov[2] = { { conn->httpd->head, head },
                                { (void *)(uintptr_t)body,
                                  request->is_head || !has_body(status) ? 0 : len } };
        if (httpd_conn_send(conn, iov, 2) != 0) httpd_conn_close(conn);
    }
    httpd_request_end(request);
}

void httpd_reply(struct httpd_request *request, int status, const struct httpd_field *fields,
                 const void *body, size_t len)
{
    answer(request, status, fields, body, len, len);
}

void httpd_cut(struct httpd_request *request, int status, const struct httpd_field *fields,
               const void *body, size_t len, size_t promised)
{
    request->close = 1;
    if (status != 0) {
        answer(request, status, fields, body, len, promised);
        return;
    }
    if (httpd_request_answer(request)) httpd_conn_close(httpd_request_conn(request));
    httpd_request_end(request);
}

size_t httpd_problem(const struct httpd_request *request, char *body, int status, const char *code,
                     const char *detail)
{
    int len = snprintf(body, HTTPD_PROBLEM_BYTES,
                       "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\","
                       "\"detail\":\"%s\",\"instance\":\"%s\"}",
                       phrase_of(status), status, code, detail, request->id);
    return (size_t)len;
}

const struct httpd_field *httpd_problem_fields(int status)
{
    static const struct httpd_field refusal[] = { { "Content-Type", "application/problem+json" },
                                                  { "Connection", "close" },
                                                  { 0 } };
    static const struct httpd_field not_allowed[] = {
        { "Content-Type", "application/problem+json" },
        { "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" },
        { "Connection", "close" },
        { 0 }
    };
    return status == 405 ? not_allowed : refusal;
}

void httpd_refuse(struct httpd_request *request, int status, const char *code, const char *detail)
{
    char body[HTTPD_PROBLEM_BYTES];
    size_t len = httpd_problem(request, body, status, code, detail);
    httpd_reply(request, status, httpd_problem_fields(status), body, len);
}
