#include "metrics.h"
#include "bytes.h"
#include "hash.h"
#include "mem.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

enum { VALUE_BYTES = 128, BOUNDS = 17 };

/* In seconds: from a quick answer of the portal itself to a deployment. */
static const double bounds[BOUNDS] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                       1,     2.5,    5,     10,   30,    60,   120, 300 };

struct series {
    uint64_t hash;
    char *values; /* the labels' values, each followed by a NUL */
    size_t len;
    double value; /* a histogram's sum */
    uint64_t count,
        counts[BOUNDS]; /* a histogram's; counts[i]: above bounds[i - 1], up to bounds[i] */
};

static struct metrics_family *families, **families_end = &families;
static uint64_t dropped;

/* --- families --- */

static int is_name(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_') return 0;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_') return 0;
    return 1;
}

static int is_same(const struct metrics_family *family, enum metrics_kind kind,
                   const char *const *labels, int nlabels)
{
    if (family->kind != kind || family->nlabels != nlabels) return 0;
    for (int i = 0; i < nlabels; i++)
        if (strcmp(family->labels[i], labels[i]) != 0) return 0;
    return 1;
}

struct metrics_family *metrics_find(const char *name)
{
    struct metrics_family *family = families;
    while (family && strcmp(family->name, name) != 0)
        family = family->next;
    return family;
}

struct metrics_family *metrics_declare(const char *name, enum metrics_kind kind, const char *help,
                                       const char *const *labels, int nlabels)
{
    struct metrics_family *family = metrics_find(name);
    if (family) return is_same(family, kind, labels, nlabels) ? family : NULL;
    if (!is_name(name) || nlabels > METRICS_LABELS) return NULL;
    for (int i = 0; i < nlabels; i++)
        if (!is_name(labels[i])) return NULL;
    family = mem_new(1, sizeof *family);
    family->name = mem_text(name);
    family->help = mem_text(help);
    family->kind = kind;
    family->nlabels = nlabels;
    for (int i = 0; i < nlabels; i++)
        family->labels[i] = mem_text(labels[i]);
    *families_end = family;
    families_end = &family->next;
    if (nlabels == 0 && kind != METRICS_GAUGE) metrics_expect(family, labels);
    return family;
}

/* --- series --- */

static struct series *add_series(struct metrics_family *family, const char *key, size_t len,
                                 uint64_t hash)
{
    struct series *series = mem_new(1, sizeof *series);
    *series = (struct series){ .hash = hash, .values = mem_copy(key, len), .len = len };
    family->series = mem_grow(family->series, (size_t)family->nseries + 1, sizeof(struct series *));
    family->series[family->nseries++] = series;
    return series;
}

/* Finds or creates; NULL when the family is full. */
static struct series *series_of(struct metrics_family *family, const char *const *values)
{
    char key[METRICS_LABELS * VALUE_BYTES];
    size_t len = 0;
    for (int i = 0; i < family->nlabels; i++) {
        size_t value_len = strnlen(values[i], VALUE_BYTES - 1);
        memcpy(key + len, values[i], value_len);
        key[len + value_len] = '\0';
        len += value_len + 1;
    }
    uint64_t hash = hash_bytes(key, len);
    for (int i = 0; i < family->nseries; i++) {
        struct series *series = family->series[i];
        if (series->hash == hash && series->len == len && memcmp(series->values, key, len) == 0)
            return series;
    }
    if (family->nseries < METRICS_SERIES) return add_series(family, key, len, hash);
    dropped++;
    return NULL;
}

void metrics_expect(struct metrics_family *family, const char *const *values)
{
    series_of(family, values);
}

void metrics_record(struct metrics_family *family, const char *const *values, double n)
{
    struct series *series = series_of(family, values);
    int i = 0;
    if (!series) return;
    series->value = family->kind == METRICS_GAUGE ? n : series->value + n;
    if (family->kind != METRICS_HISTOGRAM) return;
    while (i < BOUNDS && n > bounds[i])
        i++;
    if (i < BOUNDS) series->counts[i]++;
    series->count++;
}

void metrics_clear(struct metrics_family *family)
{
    for (int i = 0; i < family->nseries; i++) {
        free(family->series[i]->values);
        free(family->series[i]);
    }
    free(family->series);
    family->series = NULL;
    family->nseries = 0;
}

void metrics_free(void)
{
    while (families) {
        struct metrics_family *family = families;
        families = family->next;
        metrics_clear(family);
        for (int i = 0; i < family->nlabels; i++)
            free(family->labels[i]);
        free(family->name);
        free(family->help);
        free(family);
    }
    families_end = &families;
    dropped = 0;
}

/* --- the text format, version 0.0.4 --- */

static void put_number(struct bytes *text, double n)
{
    bytes_printf(text, n == floor(n) && fabs(n) < 1e15 ? " %.0f\n" : " %.9g\n", n);
}

static void put_escaped(struct bytes *text, const char *value)
{
    for (; *value; value++) {
        if (*value == '"' || *value == '\\' || *value == '\n') bytes_add_char(text, '\\');
        bytes_add_char(text, *value == '\n' ? 'n' : *value);
    }
}

/* {label="value",...,le="..."}; `le` may be NULL. */
static void put_labels(struct bytes *text, const struct metrics_family *family,
                       const struct series *series, const char *le)
{
    const char *value = series->values, *before = "{";
    for (int i = 0; i < family->nlabels; i++, value += strlen(value) + 1) {
        bytes_printf(text, "%s%s=\"", before, family->labels[i]);
        put_escaped(text, value);
        bytes_add_char(text, '"');
        before = ",";
    }
    if (le) bytes_printf(text, "%sle=\"%s\"", before, le);
    if (le || family->nlabels > 0) bytes_add_char(text, '}');
}

static void put_line(struct bytes *text, const struct metrics_family *family, const char *suffix,
                     const struct series *series, const char *le, double n)
{
    bytes_printf(text, "%s%s", family->name, suffix);
    put_labels(text, family, series, le);
    put_number(text, n);
}

static void put_histogram(struct bytes *text, const struct metrics_family *family,
                          const struct series *series)
{
    uint64_t count = 0;
    char le[32];
    for (int i = 0; i < BOUNDS; i++) {
        count += series->counts[i];
        snprintf(le, sizeof le, "%g", bounds[i]);
        put_line(text, family, "_bucket", series, le, (double)count);
    }
    put_line(text, family, "_bucket", series, "+Inf", (double)series->count);
    put_line(text, family, "_sum", series, NULL, series->value);
    put_line(text, family, "_count", series, NULL, (double)series->count);
}

static void put_head(struct bytes *text, const char *name, const char *kind, const char *help)
{
    bytes_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_family(struct bytes *text, const struct metrics_family *family)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    if (family->nseries == 0) return;
    put_head(text, family->name, kinds[family->kind], family->help);
    for (int i = 0; i < family->nseries; i++) {
        if (family->kind == METRICS_HISTOGRAM)
            put_histogram(text, family, family->series[i]);
        else
            put_line(text, family, "", family->series[i], NULL, family->series[i]->value);
    }
}

/* --- the process --- */

static double open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double count = -1; /* without the one that this function opens */
    if (!folder) return 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    double pages = 0;
    if (!file) return 0;
    if (fscanf(file, "%*s %lf", &pages) != 1) pages = 0;
    fclose(file);
    return pages * (double)sysconf(_SC_PAGESIZE);
}

static void put_simple(struct bytes *text, const char *name, const char *kind, const char *help,
                       double n)
{
    put_head(text, name, kind, help);
    bytes_add_text(text, name);
    put_number(text, n);
}

char *metrics_text(size_t *len)
{
    struct bytes text = { 0 };
    for (const struct metrics_family *family = families; family; family = family->next)
        put_family(&text, family);
    put_simple(&text, "deployer_metrics_dropped_total", "counter",
               "Numbers of series beyond what a family may have", (double)dropped);
    put_simple(&text, "process_cpu_seconds_total", "counter", "Processor time of this process",
               (double)clock() / CLOCKS_PER_SEC);
    put_simple(&text, "process_resident_memory_bytes", "gauge", "Memory of this process",
               resident_bytes());
    put_simple(&text, "process_open_fds", "gauge", "Open file descriptors", open_descriptors());
    *len = text.len;
    return bytes_take(&text);
}
