/* metrics: counters, gauges and histograms of this process, in the text format of Prometheus. One
 * registry a process, which survives a reload of the scripts. Main thread only.
 *
 * A family has at most METRICS_SERIES series, so that no client can make the process grow; numbers
 * for further ones are counted in deployer_metrics_dropped_total. */
#ifndef METRICS_H
#define METRICS_H
#include <stddef.h>

enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };
enum { METRICS_LABELS = 4, METRICS_SERIES = 1000 };
struct metrics_family {
    struct metrics_family *next;
    char *name, *help, *labels[METRICS_LABELS];
    enum metrics_kind kind;
    int nlabels, nseries;
    struct series **series; /* in the order in which they were created */
};

/* Declares a family with `nlabels` label names. Declaring it again alike returns the same family. A
 * counter or histogram without labels starts at 0 at once. NULL when a name is invalid, or the
 * family was declared differently before. */
struct metrics_family *metrics_declare(const char *name, enum metrics_kind kind, const char *help,
                                       const char *const *labels, int nlabels);
/* NULL when there is no family of that name. */
struct metrics_family *metrics_find(const char *name);

/* `values` has a text for each label; long ones are cut. A counter grows by n >= 0, a gauge becomes
 * n, a histogram observes n seconds. */
void metrics_record(struct metrics_family *family, const char *const *values, double n);
/* Creates the series at 0 if it does not exist, so that rates see its first increase. */
void metrics_expect(struct metrics_family *family, const char *const *values);
/* Removes all series of the family: for gauges whose label values come and go. */
void metrics_clear(struct metrics_family *family);

/* All families, and what the system reports about this process; the caller frees. Reads /proc. */
char *metrics_text(size_t *len);
void metrics_free(void);
#endif
