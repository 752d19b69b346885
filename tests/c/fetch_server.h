/* fetch_server: a server with a thread for each connection, where the path says what it does, or
 * does wrong. serve_all() and stop_serving() are for the group. */
#ifndef FETCH_SERVER_H
#define FETCH_SERVER_H
#include "test.h"
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

static int port, tls_port, listener, tls_listener;
static atomic_int connections, requests, nserving, nserving_max, open_now;
static SSL_CTX *tls;
static int64_t certificate_made; /* it is valid for a day from then */
static char certificate_file[] = "/tmp/fetch_test_cert.XXXXXX";

struct peer {
    int fd;
    SSL *ssl;
};

static long get(struct peer *peer, char *bytes, size_t len)
{
    return peer->ssl ? SSL_read(peer->ssl, bytes, (int)len) : recv(peer->fd, bytes, len, 0);
}

static void put(struct peer *peer, const char *bytes, size_t len)
{
    if (peer->ssl)
        SSL_write(peer->ssl, bytes, (int)len);
    else
        send(peer->fd, bytes, len, MSG_NOSIGNAL);
}

static void say(struct peer *peer, const char *text)
{
    put(peer, text, strlen(text));
}

/* Reads a head and a body; returns their length, 0 when the client has closed. */
static size_t read_request(struct peer *peer, char *text, size_t room)
{
    size_t len = 0;
    for (;;) {
        long n = get(peer, text + len, room - len - 1);
        if (n <= 0) return 0;
        text[len += (size_t)n] = 0;
        char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        if (end && len >= (size_t)(end + 4 - text) +
                              (length && length < end ? strtoul(length + 16, NULL, 10) : 0))
            return len;
    }
}

static void answer(struct peer *peer, const char *body, size_t len)
{
    char head[128];
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nX-Mixed-CASE:  Value \r\nX-One: 1\r\nx-one: 2\r\n"
             "X-Empty:\r\nContent-Length: %zu\r\n\r\n",
             len);
    say(peer, head);
    put(peer, body, len);
}

static void answer_big(struct peer *peer, int chunked)
{
    static char block[65536];
    say(peer, chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      : "HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n");
    for (int i = 0; i < 32; i++) {
        if (chunked) say(peer, "10000\r\n");
        put(peer, block, sizeof block);
        if (chunked) say(peer, "\r\n");
    }
    if (chunked) say(peer, "0\r\n\r\n");
}

static void answer_slowly(struct peer *peer)
{
    int now = ++nserving;
    if (now > nserving_max) nserving_max = now;
    usleep(40000);
    --nserving;
    answer(peer, "slow", 4);
}

/* Returns 0 to close the connection. `nth`: which request on the connection it is. */
static int serve(struct peer *peer, const char *request, size_t len, int nth)
{
    char path[64] = "", wait[8];
    sscanf(request, "%*s %63s", path);
    path[strcspn(path, "?")] = 0;
    if (strcmp(path, "/hang") == 0) return get(peer, wait, 1) < 0;
    if (strcmp(path, "/cut") == 0) return 0;
    if (strcmp(path, "/once") == 0 && nth > 1) return 0; /* took the second request and died */
    if (strcmp(path, "/half") == 0)
        return say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"), 0;
    if (strcmp(path, "/garbage") == 0) return say(peer, "this is not HTTP\r\n\r\n"), 0;
    if (strcmp(path, "/redirect") == 0)
        return say(peer, "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n"), 1;
    if (strcmp(path, "/continue") == 0) say(peer, "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n");
    if (strcmp(path, "/trailer") == 0)
        return say(peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                         "chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n"),
               1;
    if (strncmp(path, "/big", 4) == 0) return answer_big(peer, strcmp(path, "/bigchunked") == 0), 0;
    if (strcmp(path, "/heads") == 0) {
        say(peer, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 2000; i++)
            say(peer, "X-Filler: 01234567890123456789012345678901234567890123456789\r\n");
        return say(peer, "\r\n"), 0;
    }
    if (strcmp(path, "/slow") == 0)
        answer_slowly(peer);
    else if (strcmp(path, "/echo") == 0)
        answer(peer, request, len);
    else
        answer(peer, "hello", strncmp(request, "HEAD", 4) == 0 ? 0 : 5);
    return 1;
}

static void *converse(void *arg)
{
    struct peer *peer = arg;
    char request[8192];
    size_t len;
    if (!peer->ssl || SSL_accept(peer->ssl) == 1)
        for (int nth = 1; (len = read_request(peer, request, sizeof request)) > 0; nth++) {
            ++requests;
            if (!serve(peer, request, len, nth)) break;
        }
    if (peer->ssl) SSL_free(peer->ssl);
    close(peer->fd);
    free(peer);
    --open_now;
    return NULL;
}

static void *accept_all(void *arg)
{
    int from = *(int *)arg, fd;
    while ((fd = accept(from, NULL, NULL)) >= 0) {
        pthread_t thread;
        struct peer *peer = calloc(1, sizeof *peer);
        peer->fd = fd;
        if (from == tls_listener) SSL_set_fd(peer->ssl = SSL_new(tls), fd);
        ++connections;
        ++open_now;
        pthread_create(&thread, NULL, converse, peer);
        pthread_detach(thread);
    }
    return NULL;
}

static int listen_somewhere(int *at)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        abort();
    *at = ntohs(address.sin_port);
    return fd;
}

/* A self-signed certificate for "good.localhost"; the file makes it trusted. */
static void make_certificate(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    certificate_made = time(NULL);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"good.localhost", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:good.localhost");
    X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x, key, EVP_sha256());
    tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(tls, x);
    SSL_CTX_use_PrivateKey(tls, key);
    FILE *file = fdopen(mkstemp(certificate_file), "w");
    PEM_write_X509(file, x);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
}

static int serve_all(void **state)
{
    pthread_t thread;
    signal(SIGPIPE, SIG_IGN);
    make_certificate();
    listener = listen_somewhere(&port);
    tls_listener = listen_somewhere(&tls_port);
    pthread_create(&thread, NULL, accept_all, &listener);
    pthread_detach(thread);
    pthread_create(&thread, NULL, accept_all, &tls_listener);
    pthread_detach(thread);
    return 0;
}

static int stop_serving(void **state)
{
    shutdown(listener, SHUT_RDWR);
    shutdown(tls_listener, SHUT_RDWR);
    for (int i = 0; i < 200 && open_now; i++)
        usleep(5000);
    SSL_CTX_free(tls);
    return unlink(certificate_file);
}
#endif
