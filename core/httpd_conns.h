/* httpd_conns: the connections of a server as a set: who is let in, who makes room at the cap, and
 * who is closed at a deadline. For httpd.c alone. */
#ifndef HTTPD_CONNS_H
#define HTTPD_CONNS_H
#include "httpd_conn.h"

/* Fills in all but the callbacks. Cuts max_connections to what the descriptor limit allows. */
void httpd_conns_init(struct httpd_conns *conns, struct loop *loop,
                      const struct httpd_limits *limits);
/* Closes the connections that have a request to answer, by a path that keeps those valid. */
void httpd_conns_close_busy(struct httpd_conns *conns);
/* After evhttp was freed: releases the rest. */
void httpd_conns_fini(struct httpd_conns *conns);
/* evhttp's bufferevent factory: where each accepted socket is first seen. */
struct bufferevent *httpd_conns_accept(struct event_base *base, void *conns);
/* Idle connections close soon, answers end their connection. */
void httpd_conns_drain(struct httpd_conns *conns);
#endif
