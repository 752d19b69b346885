/* commit: one INSERT and one COMMIT after the other, and nothing else; as safe as the journal (WAL, synchronous=FULL).
 * commit FILE SECONDS prints commits a second, and the 99th percentile of one in microseconds. */
#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST 1000000

static double took[MOST];

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK) {
        return;
    }
    fprintf(stderr, "commit: %s: %s\n", sql, message);
    exit(1);
}

static void commit_one(sqlite3 *db, sqlite3_stmt *insert, int number)
{
    run(db, "BEGIN IMMEDIATE");
    sqlite3_bind_int(insert, 1, number);
    if (sqlite3_step(insert) != SQLITE_DONE) {
        fprintf(stderr, "commit: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
    sqlite3_reset(insert);
    run(db, "COMMIT");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "use: commit FILE SECONDS\n");
        return 2;
    }
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = NULL;
    if (sqlite3_open(argv[1], &db) != SQLITE_OK) {
        fprintf(stderr, "commit: %s\n", sqlite3_errmsg(db));
        return 1;
    }
    run(db, "PRAGMA journal_mode = WAL");
    run(db, "PRAGMA synchronous = FULL");
    run(db, "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, number INTEGER, text TEXT)");
    if (sqlite3_prepare_v2(db, "INSERT INTO rows (number, text) VALUES (?1, hex(randomblob(100)))", -1, &insert, NULL) != SQLITE_OK) {
        fprintf(stderr, "commit: %s\n", sqlite3_errmsg(db));
        return 1;
    }
    double begun = now(), ends = begun + atof(argv[2]), last = begun;
    int n = 0;
    while (last < ends && n < MOST) {
        commit_one(db, insert, n);
        double at = now();
        took[n++] = at - last;
        last = at;
    }
    qsort(took, (size_t)n, sizeof(took[0]), compare);
    printf("%.1f %.0f\n", n / (last - begun), took[n - 1 - n / 100] * 1e6);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return 0;
}
