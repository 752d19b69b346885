#include "httpd_head.h"
#include "bytes.h"
#include "http_text.h"
#include "log.h"
#include "random.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char httpd_allowed_methods[] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

void httpd_id_make(char id[HTTPD_ID_LEN + 1])
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char bytes[HTTPD_ID_LEN];
    random_bytes(bytes, sizeof bytes);
    for (int i = 0; i < HTTPD_ID_LEN; i++)
        id[i] = letters[bytes[i] & 31];
    id[HTTPD_ID_LEN] = '\0';
}

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

/* Fields that httpd writes itself, or adds when the caller does not give them. */
static const struct default_field {
    const char *name;
    const char *line; /* NULL: always httpd's own */
} defaults[] = {
    { "Cache-Control", "Cache-Control: no-store\r\n" },
    { "Referrer-Policy", "Referrer-Policy: no-referrer\r\n" },
    { "X-Content-Type-Options", "X-Content-Type-Options: nosniff\r\n" },
    { "Cross-Origin-Resource-Policy", "Cross-Origin-Resource-Policy: same-origin\r\n" },
    { "Content-Security-Policy",
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n" },
    { "Connection", NULL },
    { "Content-Length", NULL },
    { "Date", NULL },
    { "Transfer-Encoding", NULL },
    { "X-Request-Id", NULL },
};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

static int default_index(const char *name)
{
    int i = 0;
    while (i < DEFAULTS && ((name[0] ^ defaults[i].name[0]) & 0xdf || /* not the same letter */
                            strcasecmp(name, defaults[i].name) != 0))
        i++;
    return i;
}

static int is_valid(const struct httpd_field *field)
{
    size_t len = strlen(field->value);
    return http_is_token(field->name, strlen(field->name)) &&
           http_span(field->value, len, HTTP_VALUE) == len;
}

static void add_field(struct bytes *out, const struct httpd_field *field, const char *id)
{
    if (is_valid(field)) {
        bytes_add_text(out, field->name);
        bytes_add(out, ": ", 2);
        bytes_add_text(out, field->value);
        bytes_add(out, "\r\n", 2);
    } else if (log_begin(LOG_ERROR, "httpd.field")) {
        log_str("message", "a header field of the answer holds a control byte and was left out");
        log_str("field", field->name);
        log_str("request", id);
        log_end();
    }
}

/* Adds the caller's fields and those defaults that are not among them. */
static void add_fields(struct bytes *out, struct httpd_head *head)
{
    int given[DEFAULTS + 1] = { 0 };
    for (const struct httpd_field *field = head->fields; field && field->name; field++) {
        int i = default_index(field->name);
        if (strcasecmp(field->name, "Connection") == 0 && strcasecmp(field->value, "close") == 0)
            head->close = 1;
        if (i < DEFAULTS && !defaults[i].line) continue;
        given[i] = 1;
        add_field(out, field, head->id);
    }
    for (int i = 0; i < DEFAULTS && defaults[i].line; i++) {
        /* A browser would apply a 304's policy to the page that it kept. */
        int is_unwanted =
            head->status == 304 && strcmp(defaults[i].name, "Content-Security-Policy") == 0;
        if (!given[i] && !is_unwanted) bytes_add_text(out, defaults[i].line);
    }
}

/* The line is kept for a second: 1,500 of the 80,000 instructions of a short request. */
static void add_date(struct bytes *out)
{
    static char line[48];
    static time_t second;
    time_t now = time(NULL);
    if (now != second) {
        struct tm tm;
        second = now;
        gmtime_r(&now, &tm);
        strftime(line, sizeof line, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    }
    bytes_add_text(out, line);
}

const char *httpd_head_write(struct httpd_head *head, size_t *len)
{
    static struct bytes out;
    bytes_clear(&out);
    bytes_add_text(&out, "HTTP/1.1 ");
    bytes_add_int(&out, head->status, 3);
    bytes_add_char(&out, ' ');
    bytes_add_text(&out, phrase_of(head->status));
    bytes_add(&out, "\r\n", 2);
    add_date(&out);
    add_fields(&out, head);
    bytes_add_text(&out, "X-Request-Id: ");
    bytes_add_text(&out, head->id);
    bytes_add(&out, "\r\n", 2);
    if (head->length >= 0) {
        bytes_add_text(&out, "Content-Length: ");
        bytes_add_int(&out, head->length, 1);
        bytes_add(&out, "\r\n", 2);
    }
    if (head->is_chunked) bytes_add_text(&out, "Transfer-Encoding: chunked\r\n");
    if (head->close)
        bytes_add_text(&out, "Connection: close\r\n");
    else if (head->keep_alive)
        bytes_add_text(&out, "Connection: keep-alive\r\n");
    bytes_add(&out, "\r\n", 2);
    *len = out.len;
    return out.data;
}

size_t httpd_problem_write(char body[HTTPD_PROBLEM_BYTES], int status, const char *code,
                           const char *detail, const char *id)
{
    return (size_t)snprintf(body, HTTPD_PROBLEM_BYTES,
                            "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,"
                            "\"code\":\"%s\",\"detail\":\"%s\",\"instance\":\"%s\"}",
                            phrase_of(status), status, code, detail, id);
}
