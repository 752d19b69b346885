#include "metrics.h"
#include "mem.h"
#include "metrics_internal.h"

#include <ctype.h>
#include <stdint.h>

enum { KEY_ROOM = 512 };

/* Seconds: from a quick answer of the portal itself to a deployment. */
const double metrics_bounds[METRICS_BOUNDS] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                0.1,   0.25,   0.5,   1,    2.5,   5,
                                                10,    30,     60,    120,  300 };

static struct metrics_family *families, **families_end = &families;
static uint64_t dropped;

/* --- families --- */

static int is_name(const char *word)
{
    if (!isalpha((unsigned char)*word) && *word != '_') return 0;
    for (; *word; word++)
        if (!isalnum((unsigned char)*word) && *word != '_') return 0;
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
    return family;
}

enum metrics_kind metrics_kind_of(const struct metrics_family *family)
{
    return family->kind;
}

int metrics_labels_of(const struct metrics_family *family)
{
    return family->nlabels;
}

/* --- series --- */

/* Joins the values into `key`; a long one is cut. Returns the length. */
static size_t join(const struct metrics_family *family, const char *const *values, char *key)
{
    size_t len = 0, share = KEY_ROOM / METRICS_LABELS;

    for (int i = 0; i < family->nlabels; i++) {
        size_t n = strnlen(values[i], share - 1);
        memcpy(key + len, values[i], n);
        key[len + n] = '\0';
        len += n + 1;
    }
    return len;
}

static uint64_t hash_of(const char *bytes, size_t len)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
    return hash;
}

static struct metrics_series *series_new(struct metrics_family *family, const char *key, size_t len,
                                         uint64_t hash)
{
    if (family->nseries == METRICS_SERIES) {
        dropped++;
        return NULL;
    }
    struct metrics_series *series = mem_new(1, sizeof *series),
                          **head = &family->heads[hash % METRICS_HEADS];
    *series = (struct metrics_series){
        .next = *head, .hash = hash, .values = mem_copy(key, len), .len = len
    };
    *head = series;
    family->list = mem_grow(family->list, (size_t)family->nseries + 1, sizeof *family->list);
    family->list[family->nseries++] = series;
    return series;
}

static struct metrics_series *series_of(struct metrics_family *family, const char *const *values)
{
    char key[KEY_ROOM];
    size_t len = join(family, values, key);
    uint64_t hash = hash_of(key, len);

    for (struct metrics_series *series = family->heads[hash % METRICS_HEADS]; series;
         series = series->next)
        if (series->hash == hash && series->len == len && memcmp(series->values, key, len) == 0)
            return series;
    return series_new(family, key, len, hash);
}

void metrics_add(struct metrics_family *family, const char *const *values, double n)
{
    struct metrics_series *series = series_of(family, values);

    if (series) series->value += n;
}

void metrics_set(struct metrics_family *family, const char *const *values, double n)
{
    struct metrics_series *series = series_of(family, values);

    if (series) series->value = n;
}

void metrics_observe(struct metrics_family *family, const char *const *values, double n)
{
    struct metrics_series *series = series_of(family, values);
    int i = 0;

    if (!series) return;
    while (i < METRICS_BOUNDS && n > metrics_bounds[i])
        i++;
    if (i < METRICS_BOUNDS) series->counts[i]++;
    series->count++;
    series->value += n;
}

void metrics_clear(struct metrics_family *family)
{
    for (int i = 0; i < family->nseries; i++) {
        free(family->list[i]->values);
        free(family->list[i]);
    }
    free(family->list);
    family->list = NULL;
    family->nseries = 0;
    memset(family->heads, 0, sizeof family->heads);
}

/* --- for metrics_text.c --- */

const struct metrics_family *metrics_first(void)
{
    return families;
}

uint64_t metrics_dropped(void)
{
    return dropped;
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
