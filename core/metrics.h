/* metrics: counters, gauges and histograms of this process, as text for Prometheus. Floor 1. One
 * registry a process, which outlives a reload of the scripts; main thread only.
 *
 * A family is declared once (again with the same words: nothing happens), its series come to be
 * when they are first told a number. A family takes at most METRICS_SERIES series: what comes after
 * them is counted under deployer_metrics_dropped_total, so that no visitor can make the process
 * grow.
 */
#ifndef METRICS_H
#define METRICS_H
#include <stddef.h>

enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };
enum { METRICS_LABELS = 4, METRICS_SERIES = 1000 };
struct metrics_family;

/* `labels` holds nlabels names. NULL when a word is no name for Prometheus, or the family was
 * declared otherwise before. */
struct metrics_family *metrics_declare(const char *name, enum metrics_kind kind, const char *help,
                                       const char *const *labels, int nlabels);
/* NULL when there is none of that name. */
struct metrics_family *metrics_find(const char *name);
enum metrics_kind metrics_kind_of(const struct metrics_family *family);
int metrics_labels_of(const struct metrics_family *family);

/* `values` holds a text for each label. Counters grow by n (from 0 on); gauges become n; histograms
 * take n seconds. */
void metrics_add(struct metrics_family *family, const char *const *values, double n);
void metrics_set(struct metrics_family *family, const char *const *values, double n);
void metrics_observe(struct metrics_family *family, const char *const *values, double n);
/* Forgets the family's series: for gauges whose labels come and go. */
void metrics_clear(struct metrics_family *family);

/* Everything, with what the system says of this process; the caller frees. */
char *metrics_text(size_t *len);
void metrics_free(void);
#endif
