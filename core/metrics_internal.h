/* metrics_internal: what metrics.c keeps and metrics_text.c writes. */
#ifndef METRICS_INTERNAL_H
#define METRICS_INTERNAL_H
#include "metrics.h"

#include <stdint.h>

enum { METRICS_HEADS = 64, METRICS_BOUNDS = 17 };
extern const double metrics_bounds[METRICS_BOUNDS];

struct metrics_series {
    struct metrics_series *next; /* of the same head */
    uint64_t hash;
    char *values; /* the labels' values, each with its NUL */
    size_t len;
    double value;                           /* a histogram's sum */
    uint64_t count, counts[METRICS_BOUNDS]; /* a histogram's; counts[i]: at most bounds[i], and
                                               above the one before */
};

struct metrics_family {
    struct metrics_family *next;
    char *name, *help, *labels[METRICS_LABELS];
    enum metrics_kind kind;
    int nlabels, nseries;
    struct metrics_series *heads[METRICS_HEADS],
        **list; /* the list keeps the order in which they came */
};

const struct metrics_family *metrics_first(void);
uint64_t metrics_dropped(void);
#endif
