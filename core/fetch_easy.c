#include "fetch_easy.h"
#include "clock.h"
#include "mem.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_HEAD = 65536, DEFAULT_BODY = 1 << 20, DEFAULT_MS = 15000, DEFAULT_CONNECT_MS = 3000 };
/* A server that closes idle connections after 5 s must not do so under our feet. libcurl counts
 * whole seconds: this is "below 4". */
enum { IDLE_SECONDS = 3 };

static void fail(struct fetch *fetch, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(struct fetch *fetch, const char *code, const char *fmt, ...)
{
    va_list args;
    struct fetch_result *r = &fetch->result;
    int n =
        snprintf(r->message, sizeof r->message, "%s: ", fetch->where ? fetch->where : "request");
    va_start(args, fmt);
    vsnprintf(r->message + n, sizeof r->message - (size_t)n, fmt, args);
    va_end(args);
    r->code = code;
}

/* Options */

static int is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i])) return 0;
    return len > 0;
}

static int is_named(const char *line, const char *name)
{
    size_t len = strlen(name);
    return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

static int has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return 1;
    return 0;
}

static void add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer) abort();
    *list = longer;
}

/* libcurl takes "Name:" as "leave it out"; a field that is really empty is "Name;". */
static void add_field(struct fetch *fetch, const char *line, size_t name_len)
{
    if (line[name_len + 1 + strspn(line + name_len + 1, " \t")]) {
        add_line(&fetch->headers, line);
        return;
    }
    char *empty = mem_copy(line, name_len + 1);
    empty[name_len] = ';';
    add_line(&fetch->headers, empty);
    free(empty);
}

static void set_headers(struct fetch *fetch, const char *const *lines)
{
    int typed = 0;
    for (; lines && *lines; lines++) {
        size_t name_len = strcspn(*lines, ":");
        if (!is_token(*lines, name_len) || !(*lines)[name_len] || has_control(*lines)) {
            fail(fetch, "invalid", "the header %.*s is not valid",
                 (int)(name_len > 40 ? 40 : name_len), is_token(*lines, name_len) ? *lines : "");
        } else if (is_named(*lines, "content-length") || is_named(*lines, "transfer-encoding")) {
            fail(fetch, "invalid", "the header %.*s is set by the body", (int)name_len, *lines);
        } else {
            add_field(fetch, *lines, name_len);
        }
        typed |= is_named(*lines, "content-type");
    }
    add_line(&fetch->headers, "Expect:"); /* never wait for a 100 */
    if (!typed) add_line(&fetch->headers, "Content-Type:");
}

static void set_where(struct fetch *fetch, CURLU *url)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, where[160];
    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(url, CURLUPART_HOST, &host, 0);
    curl_url_get(url, CURLUPART_PORT, &port, 0);
    curl_url_get(url, CURLUPART_PATH, &path, 0);
    snprintf(where, sizeof where, "%s %s://%s%s%s%s", fetch->method, scheme, host, port ? ":" : "",
             port ? port : "", path);
    fetch->where = mem_text(where);
    if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        fail(fetch, "invalid", "only http and https can be asked");
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
}

static void set_url(struct fetch *fetch, const char *text)
{
    char *user = NULL;
    CURLU *url = curl_url();
    if (!url) abort();
    fetch->url = mem_text(text ? text : "");
    if (curl_url_set(url, CURLUPART_URL, fetch->url, 0) != CURLUE_OK)
        fail(fetch, "invalid", "the address is not a whole http:// or https:// URL");
    else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK)
        fail(fetch, "invalid", "a user name or password does not belong in the address");
    else
        set_where(fetch, url);
    curl_free(user);
    curl_url_cleanup(url);
}

/* host:port, [v6]:port */
static int is_target(const char *text)
{
    const char *port = strrchr(text, ':');
    return port && port > text && strlen(text) < 256 && !has_control(text) && port[1] &&
           strlen(port + 1) <= 5 && strspn(port + 1, "0123456789") == strlen(port + 1);
}

static void set_connect_to(struct fetch *fetch, const char *target)
{
    char line[300];
    if (!target) return;
    if (!is_target(target)) {
        fail(fetch, "invalid", "connect_to must be host:port");
        return;
    }
    snprintf(line, sizeof line, "::%s", target); /* whatever the URL says */
    add_line(&fetch->connect_to, line);
}

void fetch_easy_init(struct fetch *fetch, const struct fetch_options *options)
{
    const char *method = options->method ? options->method : "GET";
    fetch->method =
        mem_text(is_token(method, strlen(method)) && strlen(method) < 20 ? method : "?");
    set_url(fetch, options->url);
    if (strcmp(fetch->method, "?") == 0) fail(fetch, "invalid", "the method is not a word");
    set_headers(fetch, options->headers);
    set_connect_to(fetch, options->connect_to);
    if (options->body) fetch->body = mem_copy(options->body, options->body_len);
    fetch->body_len = options->body ? options->body_len : 0;
    fetch->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_MS;
    fetch->connect_timeout_ms =
        options->connect_timeout_ms > 0 ? options->connect_timeout_ms : DEFAULT_CONNECT_MS;
    fetch->max_body = options->max_body ? options->max_body : DEFAULT_BODY;
    fetch->flags = options->flags;
}

void fetch_easy_fini(struct fetch *fetch)
{
    free(fetch->method);
    free(fetch->url);
    free(fetch->body);
    free(fetch->where);
    free(fetch->head.bytes);
    free(fetch->text.bytes);
    curl_slist_free_all(fetch->headers);
    curl_slist_free_all(fetch->connect_to);
}

/* What libcurl calls: it only takes notes */

static int append(struct fetch_bytes *to, const char *bytes, size_t len, size_t most)
{
    if (len > most - to->len) return -1;
    if (to->len + len + 1 > to->room) {
        to->room = (to->len + len + 1) * 2;
        to->bytes = mem_grow(to->bytes, to->room, 1);
    }
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
    to->bytes[to->len] = 0;
    return 0;
}

static size_t on_body(char *bytes, size_t one, size_t len, void *arg)
{
    struct fetch *fetch = arg;
    (void)one;
    fetch->body_begun = 1;
    if (append(&fetch->text, bytes, len, fetch->max_body) == 0) return len;
    fetch->too_large = 1;
    return len + 1; /* anything but len ends the transfer */
}

/* One line a call. A line of status begins a head anew (after a 100); what comes after the body is
 * a trailer and trusted with nothing. */
static size_t on_head(char *line, size_t one, size_t len, void *arg)
{
    struct fetch *fetch = arg;
    (void)one;
    size_t end = len, name_len = 0;
    while (end && isspace((unsigned char)line[end - 1]))
        end--;
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0 && fetch->head.bytes)
        fetch->head.bytes[fetch->head.len = 0] = 0;
    while (name_len < end && line[name_len] != ':')
        name_len++;
    if (fetch->body_begun || name_len == end || !is_token(line, name_len)) return len;
    size_t value = name_len + 1;
    while (value < end && (line[value] == ' ' || line[value] == '\t'))
        value++;
    for (size_t i = 0; i < name_len; i++)
        line[i] = (char)tolower((unsigned char)line[i]);
    if (append(&fetch->head, line, name_len, MAX_HEAD) == 0 &&
        append(&fetch->head, ": ", 2, MAX_HEAD) == 0 &&
        append(&fetch->head, line + value, end - value, MAX_HEAD) == 0 &&
        append(&fetch->head, "\n", 1, MAX_HEAD) == 0)
        return len;
    fetch->too_large = 1;
    return len + 1;
}

/* Called when the connection stands and the request is about to go: before this, surely nothing was
 * sent. */
static int on_send(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct fetch *fetch = arg;
    (void)to, (void)from, (void)to_port, (void)from_port;
    fetch->sent = 1;
    return CURL_PREREQFUNC_OK;
}

static int inner_v4(uint32_t a)
{
    return a >> 24 == 0 || a >> 24 == 127 || a >> 16 == 0xa9fe ||
           a >> 28 >= 0xe; /* this host, loopback, link-local, multicast and reserved */
}

static uint32_t last_v4(const uint8_t *a)
{
    return (uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 | a[15];
}

static int inner_v6(const struct in6_addr *address)
{
    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
    const uint8_t *a = address->s6_addr;
    if (IN6_IS_ADDR_UNSPECIFIED(address) || IN6_IS_ADDR_LOOPBACK(address) ||
        IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MULTICAST(address))
        return 1;
    if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address) ||
        memcmp(a, nat64, sizeof nat64) == 0)
        return inner_v4(last_v4(a));
    return 0;
}

int fetch_is_inner(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return inner_v4(
            ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    if (address->sa_family == AF_INET6)
        return inner_v6(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return 1;
}

/* The address that is really connected to is judged, so a name that changes its mind gains nothing.
 */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct fetch *fetch = arg;
    (void)purpose;
    if (!fetch_is_inner(&address->addr))
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    const void *bytes =
        address->family == AF_INET6
            ? (const void *)&((struct sockaddr_in6 *)(void *)&address->addr)->sin6_addr
            : (const void *)&((struct sockaddr_in *)(void *)&address->addr)->sin_addr;
    if (!inet_ntop(address->family, bytes, fetch->fenced, sizeof fetch->fenced))
        strcpy(fetch->fenced, "no internet address");
    return CURL_SOCKET_BAD;
}

/* The handle */

static void set_method(struct fetch *fetch, CURL *easy)
{
    const char *method = fetch->method;
    int posts = fetch->body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
                strcmp(method, "PATCH") == 0;
    if (posts) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->body ? fetch->body : "");
    }
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, posts ? "POST" : "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_connection(struct fetch *fetch, CURL *easy, int64_t left_ms)
{
    int64_t connect_ms = fetch->connect_timeout_ms < left_ms ? fetch->connect_timeout_ms : left_ms;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)clock_to_real_ms(left_ms));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)clock_to_real_ms(connect_ms));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                     1L); /* else a timeout waits for the resolver's thread, and the loop with it */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS);
    if (fetch->connect_to) curl_easy_setopt(easy, CURLOPT_CONNECT_TO, fetch->connect_to);
    if (fetch->flags &
        (FETCH_FRESH | FETCH_FENCE)) { /* a kept connection was never judged by the fence */
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    if (fetch->flags & FETCH_FENCE) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
    }
}

/* SSL_CERT_FILE: a bundle of certificates to trust instead of the system's, as for OpenSSL's own
 * programs. */
static void set_tls(struct fetch *fetch, CURL *easy)
{
    const char *bundle = getenv("SSL_CERT_FILE");
    if (bundle && *bundle) curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
    if (fetch->flags & FETCH_CERTIFICATE) curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    if (!(fetch->flags & FETCH_NO_VERIFY)) return;
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

void fetch_easy_set(struct fetch *fetch, CURL *easy, int64_t left_ms)
{
    fetch->easy = easy;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->curl_says);
    curl_easy_setopt(easy, CURLOPT_URL, fetch->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "deployer");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)fetch->max_body);
    set_method(fetch, easy);
    set_connection(fetch, easy, left_ms);
    set_tls(fetch, easy);
}

/* The end */

static const char *code_of(const struct fetch *fetch, CURLcode rc)
{
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "dns";
    case CURLE_COULDNT_CONNECT:
        return "refused";
    case CURLE_OPERATION_TIMEDOUT:
        return "timeout";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
        return "tls";
    case CURLE_FILESIZE_EXCEEDED:
        return "too_large";
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return "closed";
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return fetch->sent ? "failed"
                           : "invalid"; /* an answer that is no HTTP/1.x has this number too */
    default:
        return fetch->too_large ? "too_large" : "failed";
    }
}

static void word_failure(struct fetch *fetch, CURLcode rc, double seconds)
{
    const char *code = code_of(fetch, rc),
               *says = fetch->curl_says[0] ? fetch->curl_says : curl_easy_strerror(rc);
    if (strcmp(code, "refused") == 0 && fetch->fenced[0])
        fail(fetch, code, "%s is an inner address, where this request may not go", fetch->fenced);
    else if (strcmp(code, "timeout") == 0)
        fail(fetch, code,
             fetch->sent ? "no whole answer after %.1f s" : "no connection after %.1f s", seconds);
    else if (strcmp(code, "too_large") == 0)
        fail(fetch, code, "the answer is longer than %zu bytes", fetch->max_body);
    else
        fail(fetch, code, "%s", says);
}

/* The server's own certificate is the first of the chain. */
static int64_t certificate_ends(const struct fetch *fetch)
{
    static const char label[] = "Expire date:";
    struct curl_certinfo *chain = NULL;

    if (!(fetch->flags & FETCH_CERTIFICATE)) return 0;
    if (curl_easy_getinfo(fetch->easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
        chain->num_of_certs < 1)
        return 0;
    for (const struct curl_slist *line = chain->certinfo[0]; line; line = line->next)
        if (strncmp(line->data, label, sizeof label - 1) == 0)
            return (int64_t)curl_getdate(line->data + sizeof label - 1, NULL);
    return 0;
}

void fetch_easy_end(struct fetch *fetch, CURLcode rc, int64_t elapsed_us)
{
    struct fetch_result *r = &fetch->result;
    static char none[1];
    long status = 0;
    r->elapsed_us = elapsed_us;
    r->sent = fetch->sent;
    r->head = r->body = none;
    if (rc != CURLE_OK) word_failure(fetch, rc, (double)elapsed_us / 1e6);
    if (r->code) return;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    r->status = (int)status;
    if (fetch->head.bytes) r->head = fetch->head.bytes;
    if (fetch->text.bytes) r->body = fetch->text.bytes;
    r->body_len = fetch->text.len;
    r->certificate_ends = certificate_ends(fetch);
    r->verified = strncasecmp(fetch->url, "https:", 6) == 0 && !(fetch->flags & FETCH_NO_VERIFY);
}
