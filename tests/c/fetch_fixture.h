/* fetch_fixture: a resolver that sends nothing out, and a client with a loop, beside the server. */
#ifndef FETCH_FIXTURE_H
#define FETCH_FIXTURE_H
#include "fetch.h"
#include "fetch_server.h"
#include "loop.h"
#include <dlfcn.h>
#include <netdb.h>

/* The resolver, as libcurl's thread sees it: one name hangs, and nothing is sent out. */
static atomic_int resolved;
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!real)
        real = (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))(
            uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");
    ++resolved;
    if (name && strcmp(name, "hangs.test") == 0) usleep(1500000);
    if (name && strcmp(name, "inner.test") == 0) name = "169.254.169.254";
    if (name && strspn(name, "0123456789.:") != strlen(name)) return EAI_NONAME;
    return real(name, service, hints, found);
}

/* --- the client --- */

static struct loop *loop;
static struct fetch_pool *pool;
static int outstanding;
static char order[64];

struct outcome {
    int calls, status, sent, verified;
    char code[16], message[256], *head, *body;
    size_t body_len;
    int64_t elapsed_us, certificate_ends;
    char letter;
};

static void on_done(const struct fetch_result *r, void *arg)
{
    struct outcome *o = arg;
    o->calls++;
    o->status = r->status;
    o->sent = r->sent;
    o->verified = r->verified;
    o->elapsed_us = r->elapsed_us;
    o->certificate_ends = r->certificate_ends;
    o->body_len = r->body_len;
    o->head = strdup(r->head);
    o->body = strdup(r->body);
    snprintf(o->code, sizeof o->code, "%s", r->code ? r->code : "");
    snprintf(o->message, sizeof o->message, "%s", r->message);
    if (o->letter) strncat(order, &o->letter, 1);
    if (--outstanding == 0) loop_stop(loop);
}

static void release(struct outcome *o)
{
    free(o->head);
    free(o->body);
    memset(o, 0, sizeof *o);
}

static struct fetch *start(struct outcome *o, const struct fetch_options *options)
{
    outstanding++;
    struct fetch *fetch = fetch_start(pool, options, on_done, o);
    assert_int_equal(o->calls, 0); /* never at once */
    return fetch;
}

static const char *url_of(const char *host, int at, const char *path)
{
    static char urls[8][128];
    static int next;
    char *url = urls[next++ % 8];
    snprintf(url, sizeof urls[0], "%s://%s:%d%s", at == tls_port ? "https" : "http", host, at,
             path);
    return url;
}

/* Fetches and waits; the outcome is `o`, until the next fetch. */
static struct outcome o;
static void fetch(const char *path, struct fetch_options options)
{
    release(&o);
    if (!options.url) options.url = url_of("127.0.0.1", port, path);
    start(&o, &options);
    loop_run(loop);
    assert_int_equal(o.calls, 1);
}
static void expect(const char *code, int sent)
{
    assert_string_equal(o.code, code);
    assert_int_equal(o.sent, sent);
}
#define FETCH(path, ...) fetch(path, (struct fetch_options){ __VA_ARGS__ })
/* Fetches, and compares the code; "" is a success. */
#define GIVES(code_, path, ...)                                                                    \
    do {                                                                                           \
        FETCH(path, __VA_ARGS__);                                                                  \
        assert_string_equal(o.code, code_);                                                        \
    } while (0)

static void stop(void *arg)
{
    loop_stop(loop);
}

static void run_for(int ms)
{
    struct loop_timer *timer = loop_timer_new(loop, ms, 0, stop, NULL);
    loop_run(loop);
    loop_timer_free(timer);
}

SET_UP()
{
    loop = loop_new();
    pool = fetch_pool_new(loop, 4);
    connections = requests = nserving_max = outstanding = 0;
    order[0] = 0;
    assert_true(loop && pool);
}

TEAR_DOWN()
{
    release(&o);
    fetch_pool_free(pool);
    loop_free(loop);
}
#endif
