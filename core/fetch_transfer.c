#include "fetch_transfer.h"
#include "bytes.h"
#include "clock.h"
#include "http_text.h"
#include "mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdarg.h>
#include <strings.h>

enum {
    HEAD_BYTES_MAX = 65536,
    DEFAULT_BODY = 1 << 20,
    DEFAULT_MS = 15000,
    DEFAULT_CONNECT_MS = 3000
};
/* A server that closes idle connections after 5 s must not close one that is just used again.
 * libcurl counts whole seconds: this is "below 4". */
enum { IDLE_SECONDS = 3 };

struct fetch_transfer {
    char *method, *url, *body, *proxy;
    char *where; /* "GET http://host/path", for messages */
    size_t body_len, max_body;
    int64_t timeout_ms, connect_timeout_ms;
    unsigned flags;
    struct curl_slist *headers, *connect_to;

    CURL *easy; /* NULL before it is started */
    char curl_error[CURL_ERROR_SIZE];
    char fenced[64]; /* the address that the fence refused, or "" */
    int is_sent, is_too_large, has_body;
    struct bytes head, text;
    struct fetch_result result;
};

static void fail(struct fetch_transfer *transfer, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(struct fetch_transfer *transfer, const char *code, const char *format, ...)
{
    struct fetch_result *result = &transfer->result;
    va_list args;
    int n = snprintf(result->message, sizeof result->message,
                     "%s: ", transfer->where ? transfer->where : "request");
    va_start(args, format);
    vsnprintf(result->message + n, sizeof result->message - (size_t)n, format, args);
    va_end(args);
    result->code = code;
}

/* --- options --- */

static int is_named(const char *line, const char *name)
{
    size_t len = strlen(name);
    return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

static int has_control(const char *text)
{
    for (; *text; text++)
        if (iscntrl((unsigned char)*text)) return 1;
    return 0;
}

static void add_line(struct curl_slist **list, const char *line)
{
    *list = mem_must(curl_slist_append(*list, line));
}

/* libcurl takes "Name:" as "leave it out"; a field that is really empty is "Name;". */
static void add_field(struct fetch_transfer *transfer, const char *line, size_t name_len)
{
    if (line[name_len + 1 + strspn(line + name_len + 1, " \t")]) {
        add_line(&transfer->headers, line);
        return;
    }
    char *empty = mem_copy(line, name_len + 1);
    empty[name_len] = ';';
    add_line(&transfer->headers, empty);
    free(empty);
}

static void set_headers(struct fetch_transfer *transfer, const char *const *lines)
{
    int has_type = 0;
    for (; lines && *lines; lines++) {
        size_t name_len = strcspn(*lines, ":");
        if (!http_is_token(*lines, name_len) || !(*lines)[name_len] || has_control(*lines))
            fail(transfer, "invalid", "the header %.*s is not valid",
                 name_len > 40 ? 40 : (int)name_len, http_is_token(*lines, name_len) ? *lines : "");
        else if (is_named(*lines, "content-length") || is_named(*lines, "transfer-encoding"))
            fail(transfer, "invalid", "the header %.*s is set by the body", (int)name_len, *lines);
        else
            add_field(transfer, *lines, name_len);
        has_type |= is_named(*lines, "content-type");
    }
    add_line(&transfer->headers, "Expect:"); /* never wait for a 100 */
    if (!has_type) add_line(&transfer->headers, "Content-Type:");
}

static void set_where(struct fetch_transfer *transfer, CURLU *url)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(url, CURLUPART_HOST, &host, 0);
    curl_url_get(url, CURLUPART_PORT, &port, 0);
    curl_url_get(url, CURLUPART_PATH, &path, 0);
    transfer->where = mem_printf("%s %s://%s%s%s%.100s", transfer->method, scheme, host,
                                 port ? ":" : "", port ? port : "", path);
    if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        fail(transfer, "invalid", "only http and https can be asked");
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
}

static void set_url(struct fetch_transfer *transfer, const char *text)
{
    char *user = NULL;
    CURLU *url = mem_must(curl_url());
    transfer->url = mem_text(text ? text : "");
    if (curl_url_set(url, CURLUPART_URL, transfer->url, 0) != CURLUE_OK)
        fail(transfer, "invalid", "the address is not a whole http:// or https:// URL");
    else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK)
        fail(transfer, "invalid", "a user name or password does not belong in the address");
    else
        set_where(transfer, url);
    curl_free(user);
    curl_url_cleanup(url);
}

/* host:port or [v6]:port */
static int is_target(const char *text)
{
    const char *port = strrchr(text, ':');
    return port && port > text && strlen(text) < 256 && !has_control(text) && port[1] &&
           strlen(port + 1) <= 5 && strspn(port + 1, "0123456789") == strlen(port + 1);
}

static void set_connect_to(struct fetch_transfer *transfer, const char *target)
{
    if (!target) return;
    if (!is_target(target)) {
        fail(transfer, "invalid", "connect_to must be host:port");
        return;
    }
    char *line = mem_printf("::%s", target); /* whatever the URL says */
    add_line(&transfer->connect_to, line);
    free(line);
}

struct fetch_transfer *fetch_transfer_new(const struct fetch_options *options)
{
    struct fetch_transfer *transfer = mem_new(1, sizeof *transfer);
    const char *method = options->method ? options->method : "GET";
    int is_method = http_is_token(method, strlen(method)) && strlen(method) < 20;
    transfer->result.head = transfer->result.body = "";
    transfer->method = mem_text(is_method ? method : "?");
    set_url(transfer, options->url);
    if (!is_method) fail(transfer, "invalid", "the method is not a token");
    set_headers(transfer, options->headers);
    set_connect_to(transfer, options->connect_to);
    if (options->body) {
        transfer->body = mem_copy(options->body, options->body_len);
        transfer->body_len = options->body_len;
    }
    transfer->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_MS;
    transfer->connect_timeout_ms =
        options->connect_timeout_ms > 0 ? options->connect_timeout_ms : DEFAULT_CONNECT_MS;
    transfer->max_body = options->max_body ? options->max_body : DEFAULT_BODY;
    transfer->flags = options->flags;
    transfer->proxy = mem_text(options->proxy ? options->proxy : "");
    return transfer;
}

void fetch_transfer_free(struct fetch_transfer *transfer)
{
    if (transfer->easy) curl_easy_cleanup(transfer->easy);
    free(transfer->method);
    free(transfer->url);
    free(transfer->body);
    free(transfer->where);
    free(transfer->proxy);
    bytes_free(&transfer->head);
    bytes_free(&transfer->text);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->connect_to);
    free(transfer);
}

const struct fetch_result *fetch_transfer_result(const struct fetch_transfer *transfer)
{
    return &transfer->result;
}

int64_t fetch_transfer_timeout_ms(const struct fetch_transfer *transfer)
{
    return transfer->timeout_ms;
}

/* --- the fence --- */

/* This host, loopback, link-local, multicast and reserved. */
static int is_inner_v4(uint32_t address)
{
    return address >> 24 == 0 || address >> 24 == 127 || address >> 16 == 0xa9fe ||
           address >> 28 >= 0xe;
}

static int is_inner_v6(const struct in6_addr *address)
{
    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
    const uint8_t *a = address->s6_addr;
    if (IN6_IS_ADDR_UNSPECIFIED(address) || IN6_IS_ADDR_LOOPBACK(address) ||
        IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MULTICAST(address))
        return 1;
    if (!IN6_IS_ADDR_V4MAPPED(address) && !IN6_IS_ADDR_V4COMPAT(address) &&
        memcmp(a, nat64, sizeof nat64) != 0)
        return 0;
    return is_inner_v4((uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 |
                       a[15]);
}

int fetch_is_inner(const struct sockaddr *address)
{
    const void *any = address;
    if (address->sa_family == AF_INET)
        return is_inner_v4(ntohl(((const struct sockaddr_in *)any)->sin_addr.s_addr));
    if (address->sa_family == AF_INET6)
        return is_inner_v6(&((const struct sockaddr_in6 *)any)->sin6_addr);
    return 1;
}

/* The address that is really connected to is checked, so a name that changes its addresses gains
 * nothing. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct fetch_transfer *transfer = arg;
    void *any = &address->addr;
    if (!fetch_is_inner(&address->addr))
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    const void *bytes = address->family == AF_INET6
                            ? (const void *)&((struct sockaddr_in6 *)any)->sin6_addr
                            : (const void *)&((struct sockaddr_in *)any)->sin_addr;
    if (!inet_ntop(address->family, bytes, transfer->fenced, sizeof transfer->fenced))
        strcpy(transfer->fenced, "not an internet address");
    return CURL_SOCKET_BAD;
}

/* --- libcurl's callbacks, which only take notes --- */

static int add_limited(struct bytes *to, const char *bytes, size_t len, size_t max)
{
    if (len > max - to->len) return -1;
    bytes_add(to, bytes, len);
    return 0;
}

/* Anything but `len` ends the transfer. */
static size_t refuse_rest(struct fetch_transfer *transfer, size_t len)
{
    transfer->is_too_large = 1;
    return len + 1;
}

static size_t on_body(char *bytes, size_t one, size_t len, void *arg)
{
    struct fetch_transfer *transfer = arg;
    transfer->has_body = 1;
    return add_limited(&transfer->text, bytes, len, transfer->max_body) == 0
               ? len
               : refuse_rest(transfer, len);
}

/* One line a call. A status line starts the head again (after a 100); what comes after the body is
 * a trailer and ignored. */
static size_t on_head(char *line, size_t one, size_t len, void *arg)
{
    struct fetch_transfer *transfer = arg;
    struct bytes *head = &transfer->head;
    size_t end = len;
    while (end > 0 && isspace((unsigned char)line[end - 1]))
        end--;
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) head->len = 0;
    size_t name = http_span(line, end, HTTP_TOKEN), value = name + 1;
    if (transfer->has_body || name == 0 || name == end || line[name] != ':') return len;
    while (value < end && (line[value] == ' ' || line[value] == '\t'))
        value++;
    if (head->len + end + 3 > HEAD_BYTES_MAX) return refuse_rest(transfer, len);
    http_lower(line, name);
    bytes_add(head, line, name);
    bytes_add(head, ": ", 2);
    bytes_add(head, line + value, end - value);
    bytes_add_char(head, '\n');
    return len;
}

/* Called when the connection is made and the request is about to go: before this, nothing was sent.
 */
static int on_send(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct fetch_transfer *transfer = arg;
    transfer->is_sent = 1;
    return CURL_PREREQFUNC_OK;
}

/* --- the handle --- */

static void set_method(struct fetch_transfer *transfer, CURL *easy)
{
    const char *method = transfer->method;
    int posts = transfer->body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
                strcmp(method, "PATCH") == 0;
    if (posts) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body ? transfer->body : "");
    }
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, posts ? "POST" : "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_connection(struct fetch_transfer *transfer, CURL *easy, int64_t left_ms)
{
    int64_t connect_ms =
        transfer->connect_timeout_ms < left_ms ? transfer->connect_timeout_ms : left_ms;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)clock_to_real_ms(left_ms));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)clock_to_real_ms(connect_ms));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* else a timeout waits for the resolver's thread, and the loop with it */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    /* "": none, whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_PROXY, transfer->proxy);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS);
    if (transfer->connect_to) curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer->connect_to);
    /* a kept connection was never checked by the fence */
    if (transfer->flags & (FETCH_FRESH | FETCH_FENCE)) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    if (transfer->flags & FETCH_FENCE && !*transfer->proxy) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    }
}

/* SSL_CERT_FILE is what OpenSSL's own programs read. */
static void set_tls(struct fetch_transfer *transfer, CURL *easy)
{
    const char *bundle = getenv("SSL_CERT_FILE");
    if (bundle && *bundle) curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
    if (transfer->flags & FETCH_CERTIFICATE) curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    if (!(transfer->flags & FETCH_NO_VERIFY)) return;
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

void *fetch_transfer_handle(struct fetch_transfer *transfer, int64_t left_ms, void *owner)
{
    CURL *easy = transfer->easy = mem_must(curl_easy_init());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, owner);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
    curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "deployer");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->max_body);
    set_method(transfer, easy);
    set_connection(transfer, easy, left_ms);
    set_tls(transfer, easy);
    return easy;
}

/* --- the end --- */

static const char *code_of(const struct fetch_transfer *transfer, CURLcode rc)
{
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return "dns";
    case CURLE_COULDNT_CONNECT: return "refused";
    case CURLE_OPERATION_TIMEDOUT: return "timeout";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER: return "tls";
    case CURLE_FILESIZE_EXCEEDED: return "too_large";
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE: return "closed";
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: /* also an answer that is not HTTP/1.x */
        return transfer->is_sent ? "failed" : "invalid";
    default: return transfer->is_too_large ? "too_large" : "failed";
    }
}

static void describe_failure(struct fetch_transfer *transfer, CURLcode rc, double seconds)
{
    const char *code = code_of(transfer, rc);
    if (rc == CURLE_COULDNT_CONNECT && transfer->fenced[0])
        fail(transfer, code, "%s is an inner address, where this request may not go",
             transfer->fenced);
    else if (rc == CURLE_OPERATION_TIMEDOUT)
        fail(transfer, code,
             transfer->is_sent ? "no whole answer after %.1f s" : "no connection after %.1f s",
             seconds);
    else if (transfer->is_too_large || rc == CURLE_FILESIZE_EXCEEDED)
        fail(transfer, code, "the answer is longer than %zu bytes", transfer->max_body);
    else
        fail(transfer, code, "%s",
             transfer->curl_error[0] ? transfer->curl_error : curl_easy_strerror(rc));
}

/* The server's own certificate is the first of the chain. */
static int64_t certificate_ends(const struct fetch_transfer *transfer)
{
    static const char label[] = "Expire date:";
    struct curl_certinfo *chain = NULL;
    if (!(transfer->flags & FETCH_CERTIFICATE)) return 0;
    if (curl_easy_getinfo(transfer->easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
        chain->num_of_certs < 1)
        return 0;
    for (const struct curl_slist *line = chain->certinfo[0]; line; line = line->next)
        if (strncmp(line->data, label, sizeof label - 1) == 0)
            return (int64_t)curl_getdate(line->data + sizeof label - 1, NULL);
    return 0;
}

void fetch_transfer_end(struct fetch_transfer *transfer, int curl_code, int64_t elapsed_us)
{
    struct fetch_result *result = &transfer->result;
    long status = 0;
    result->elapsed_us = elapsed_us;
    result->sent = transfer->is_sent;
    if (curl_code != CURLE_OK)
        describe_failure(transfer, (CURLcode)curl_code, (double)elapsed_us / 1e6);
    if (result->code) return;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    result->status = (int)status;
    result->head = bytes_text(&transfer->head);
    result->body = bytes_text(&transfer->text);
    result->body_len = transfer->text.len;
    result->certificate_ends = certificate_ends(transfer);
    result->verified =
        strncasecmp(transfer->url, "https:", 6) == 0 && !(transfer->flags & FETCH_NO_VERIFY);
}
