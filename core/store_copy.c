/* A whole copy of a journal, also of one that is in use: see store.h. */
#include "store.h"
#include "store_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_MS = 10000 };

/* New, and nobody else's from its first moment on. */
static int make_empty(const char *path, char **message)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0) return close(fd);
    *message = store_sentence("%s: %s", path, strerror(errno));
    return -1;
}

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");

    if (!copy) return sqlite3_errcode(to);
    sqlite3_backup_step(copy, -1);
    return sqlite3_backup_finish(copy);
}

/* quick_check answers with the one word "ok", or with what is wrong. */
static int check(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);

    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        rc = strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0 ? SQLITE_OK
                                                                           : SQLITE_CORRUPT;
    sqlite3_finalize(stmt);
    return rc;
}

/* Without its own mode of working: the copy is one file, and stays one. */
static int copy_checked(sqlite3 *from, sqlite3 *to)
{
    int rc = copy_pages(from, to);

    if (rc == SQLITE_OK) rc = check(to);
    if (rc == SQLITE_OK) rc = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    return rc;
}

int store_copy(const char *from_path, const char *to_path, char **message)
{
    sqlite3 *from = NULL, *to = NULL;
    int rc = sqlite3_open_v2(from_path, &from, SQLITE_OPEN_READWRITE, NULL);

    if (rc != SQLITE_OK)
        *message = store_sentence("%s: %s", from_path, sqlite3_errmsg(from));
    else if ((rc = make_empty(to_path, message)) == 0) {
        sqlite3_busy_timeout(from, BUSY_MS);
        rc = sqlite3_open_v2(to_path, &to, SQLITE_OPEN_READWRITE, NULL);
        if (rc == SQLITE_OK) rc = copy_checked(from, to);
        if (rc != SQLITE_OK)
            *message = store_sentence("%s could not be copied to %s: %s", from_path, to_path,
                                      sqlite3_errstr(rc));
        if (rc != SQLITE_OK) unlink(to_path);
    }
    sqlite3_close(to);
    sqlite3_close(from);
    return rc == SQLITE_OK ? 0 : -1;
}
