/* The text format of Prometheus, version 0.0.4. */
#include "mem.h"
#include "metrics_internal.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

struct text {
    char *bytes;
    size_t len, room;
};

static void put(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *fmt, ...)
{
    char piece[2048];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(piece, sizeof piece, fmt, args);
    va_end(args);
    size_t len = n < (int)sizeof piece ? (size_t)n : sizeof piece - 1;
    if (text->len + len + 1 > text->room) {
        text->room = (text->room + len + 1) * 2;
        text->bytes = mem_grow(text->bytes, text->room, 1);
    }
    memcpy(text->bytes + text->len, piece, len + 1);
    text->len += len;
}

static void put_number(struct text *text, double n)
{
    if (n == floor(n) && fabs(n) < 1e15)
        put(text, " %.0f\n", n);
    else
        put(text, " %.9g\n", n);
}

static void put_value(struct text *text, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            put(text, "\\n");
        else
            put(text, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    }
}

/* {label="value",...,le="..."}; `le` may be NULL. */
static void put_labels(struct text *text, const struct metrics_family *family,
                       const struct metrics_series *series, const char *le)
{
    const char *value = series->values;

    if (family->nlabels == 0 && !le) return;
    put(text, "{");
    for (int i = 0; i < family->nlabels; i++, value += strlen(value) + 1) {
        put(text, "%s%s=\"", i > 0 ? "," : "", family->labels[i]);
        put_value(text, value);
        put(text, "\"");
    }
    if (le) put(text, "%sle=\"%s\"", family->nlabels > 0 ? "," : "", le);
    put(text, "}");
}

static void put_line(struct text *text, const struct metrics_family *family, const char *suffix,
                     const struct metrics_series *series, const char *le, double n)
{
    put(text, "%s%s", family->name, suffix);
    put_labels(text, family, series, le);
    put_number(text, n);
}

static void put_histogram(struct text *text, const struct metrics_family *family,
                          const struct metrics_series *series)
{
    uint64_t sum = 0;
    char le[32];

    for (int i = 0; i < METRICS_BOUNDS; i++) {
        sum += series->counts[i];
        snprintf(le, sizeof le, "%g", metrics_bounds[i]);
        put_line(text, family, "_bucket", series, le, (double)sum);
    }
    put_line(text, family, "_bucket", series, "+Inf", (double)series->count);
    put_line(text, family, "_sum", series, NULL, series->value);
    put_line(text, family, "_count", series, NULL, (double)series->count);
}

static void put_head(struct text *text, const char *name, const char *kind, const char *help)
{
    put(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_family(struct text *text, const struct metrics_family *family)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };

    if (family->nseries == 0) return;
    put_head(text, family->name, kinds[family->kind], family->help);
    for (int i = 0; i < family->nseries; i++) {
        if (family->kind == METRICS_HISTOGRAM)
            put_histogram(text, family, family->list[i]);
        else
            put_line(text, family, "", family->list[i], NULL, family->list[i]->value);
    }
}

/* --- the process --- */

static void put_simple(struct text *text, const char *name, const char *kind, const char *help,
                       double n)
{
    put_head(text, name, kind, help);
    put(text, "%s", name);
    put_number(text, n);
}

static double open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double n = -1; /* the one that looks */

    if (!folder) return 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
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

static double cpu_seconds(void)
{
    struct timespec used;

    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0
               ? (double)used.tv_sec + (double)used.tv_nsec / 1e9
               : 0;
}

char *metrics_text(size_t *len)
{
    struct text text = { 0 };

    for (const struct metrics_family *family = metrics_first(); family; family = family->next)
        put_family(&text, family);
    put_simple(&text, "deployer_metrics_dropped_total", "counter",
               "Numbers of series beyond what a family may have", (double)metrics_dropped());
    put_simple(&text, "process_cpu_seconds_total", "counter", "Processor time of this process",
               cpu_seconds());
    put_simple(&text, "process_resident_memory_bytes", "gauge", "Memory of this process",
               resident_bytes());
    put_simple(&text, "process_open_fds", "gauge", "Open file descriptors", open_descriptors());
    *len = text.len;
    return text.bytes;
}
