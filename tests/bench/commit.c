/* commit: one INSERT and one COMMIT after the other, and nothing else; as safe as the journal (WAL,
 * synchronous=FULL). commit FILE SECONDS prints commits a second, and the 99th percentile of one in
 * microseconds. With more arguments, these are what is done before each COMMIT: statements with one
 * place, ?1, for a number that rises. */
#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST 1000000
#define STATEMENTS 16

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

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK) return statement;
    fprintf(stderr, "commit: %s, in: %s\n", sqlite3_errmsg(db), sql);
    exit(1);
}

static void commit_one(sqlite3 *db, sqlite3_stmt *const *statements, int count, int number)
{
    run(db, "BEGIN IMMEDIATE");
    for (int i = 0; i < count; i++) {
        sqlite3_bind_int(statements[i], 1, number);
        if (sqlite3_step(statements[i]) != SQLITE_DONE) {
            fprintf(stderr, "commit: %s\n", sqlite3_errmsg(db));
            exit(1);
        }
        sqlite3_reset(statements[i]);
    }
    run(db, "COMMIT");
}

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        fprintf(stderr, "commit: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
            "PRAGMA wal_autocheckpoint = 4000");
    return db;
}

/* The statements that were given, or the bare one. Returns how many. */
static int prepare_all(sqlite3 *db, sqlite3_stmt **statements, int given, char **sql)
{
    if (given == 0) {
        run(db,
            "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, number INTEGER, text TEXT)");
        statements[0] =
            prepare(db, "INSERT INTO rows (number, text) VALUES (?1, hex(randomblob(100)))");
        return 1;
    }
    for (int i = 0; i < given; i++)
        statements[i] = prepare(db, sql[i]);
    return given;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 3 + STATEMENTS) {
        fprintf(stderr, "use: commit FILE SECONDS [SQL...]\n");
        return 2;
    }
    sqlite3 *db = open_file(argv[1]);
    sqlite3_stmt *statements[STATEMENTS];
    int count = prepare_all(db, statements, argc - 3, argv + 3), n = 0;
    double begun = now(), ends = begun + atof(argv[2]), last = begun;
    while (last < ends && n < MOST) {
        commit_one(db, statements, count, n);
        double at = now();
        took[n++] = at - last;
        last = at;
    }
    qsort(took, (size_t)n, sizeof(took[0]), compare);
    printf("%.1f %.0f\n", n / (last - begun), took[n - 1 - n / 100] * 1e6);
    for (int i = 0; i < count; i++)
        sqlite3_finalize(statements[i]);
    sqlite3_close(db);
    return 0;
}
