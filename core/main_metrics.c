/* How late the loop is: a timer that notes by how much it was called after its time. */
#include "loop.h"
#include "main_parts.h"
#include "metrics.h"

enum { EVERY_MS = 500 };

static void on_time(void *arg)
{
    struct portal *portal = arg;
    int64_t now = loop_now_us(), late = now - portal->lag_due_us;

    metrics_observe(portal->lag_family, NULL, late > 0 ? (double)late / 1e6 : 0);
    portal->lag_due_us = now + EVERY_MS * 1000;
}

void main_metrics(struct portal *portal)
{
    portal->lag_family = metrics_declare(
        "deployer_loop_lag_seconds", METRICS_HISTOGRAM,
        "How late the event loop calls what is due; measured twice a second", NULL, 0);
    portal->lag_due_us = loop_now_us() + EVERY_MS * 1000;
    portal->lag = loop_timer_new(portal->core.loop, EVERY_MS, EVERY_MS, on_time, portal);
}
