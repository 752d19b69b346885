#include "store.h"
#include "file.h"
#include "mem.h"
#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_MS = 10000 };

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup) return sqlite3_errcode(to);
    sqlite3_backup_step(backup, -1);
    return sqlite3_backup_finish(backup);
}

/* quick_check returns the single text "ok", or a description of the damage. */
static int check(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *result = (const char *)sqlite3_column_text(stmt, 0);
        rc = strcmp(result, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_finalize(stmt);
    return rc;
}

/* The copy leaves WAL mode, so that it is a single file. */
static int copy_checked(sqlite3 *from, const char *to_path)
{
    sqlite3 *to = NULL;
    int rc = sqlite3_open_v2(to_path, &to, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK) rc = copy_pages(from, to);
    if (rc == SQLITE_OK) rc = check(to);
    if (rc == SQLITE_OK) rc = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    sqlite3_close(to);
    return rc;
}

static int copy(sqlite3 *from, const char *from_path, const char *to_path, char **message)
{
    if (file_create(to_path, "", 0, 0600) != 0) {
        *message = mem_printf("%s: %s", to_path, strerror(errno));
        return -1;
    }
    sqlite3_busy_timeout(from, BUSY_MS);
    int rc = copy_checked(from, to_path);
    if (rc == SQLITE_OK) return 0;
    *message =
        mem_printf("%s could not be copied to %s: %s", from_path, to_path, sqlite3_errstr(rc));
    unlink(to_path);
    return -1;
}

int store_copy(const char *from_path, const char *to_path, char **message)
{
    sqlite3 *from = NULL;
    int rc = sqlite3_open_v2(from_path, &from, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK)
        rc = copy(from, from_path, to_path, message);
    else
        *message = mem_printf("%s: %s", from_path, sqlite3_errmsg(from));
    sqlite3_close(from);
    return rc == SQLITE_OK ? 0 : -1;
}

/* --- revocations --- */

/* Runs one statement; adds the rows that it changed. A table that an old journal lacks is no
 * failure. */
static int carry(sqlite3 *db, const char *text, int *changed)
{
    int rc = sqlite3_exec(db, text, NULL, NULL, NULL);
    if (rc == SQLITE_OK && changed) *changed += sqlite3_changes(db);
    int is_missing = rc == SQLITE_ERROR && strstr(sqlite3_errmsg(db), "no such table") != NULL;
    return is_missing ? SQLITE_OK : rc;
}

#define REVOKED_IN(table)                                                                          \
    "UPDATE " table " SET revoked_at = (SELECT o.revoked_at FROM old." table                       \
    " o WHERE o.id = " table ".id) WHERE revoked_at IS NULL"                                       \
    " AND id IN (SELECT id FROM old." table " WHERE revoked_at IS NOT NULL)"

static int carry_all(sqlite3 *db, int *revoked, int *keys)
{
    int rc = carry(db, REVOKED_IN("tokens"), revoked);
    if (rc == SQLITE_OK) rc = carry(db, REVOKED_IN("invites"), revoked);
    if (rc != SQLITE_OK) return rc;
    return carry(db,
                 "INSERT INTO owners (id, generation) SELECT id, generation FROM old.owners o "
                 "WHERE generation > COALESCE((SELECT generation FROM owners n WHERE n.id = o.id), "
                 "0) ON CONFLICT DO UPDATE SET generation = excluded.generation",
                 keys);
}

int store_carry_revocations(const char *to_path, const char *from_path, int *revoked, int *keys,
                            char **message)
{
    sqlite3 *db = NULL;
    *revoked = *keys = 0;
    int rc = sqlite3_open_v2(to_path, &db, SQLITE_OPEN_READWRITE, NULL);
    /* The old journal is only read: its -wal stays as it is. */
    if (rc == SQLITE_OK) rc = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (rc == SQLITE_OK) rc = carry(db, "DELETE FROM sessions", NULL);
    if (rc == SQLITE_OK) rc = carry(db, "DELETE FROM links", NULL);
    char *attach = sqlite3_mprintf("ATTACH %Q AS old", from_path);
    int has_old = access(from_path, F_OK) == 0;
    if (rc == SQLITE_OK && has_old) rc = sqlite3_exec(db, attach, NULL, NULL, NULL);
    if (rc == SQLITE_OK && has_old) rc = carry_all(db, revoked, keys);
    if (rc != SQLITE_OK) *message = mem_printf("%s: %s", from_path, sqlite3_errmsg(db));
    sqlite3_free(attach);
    sqlite3_close(db);
    return rc == SQLITE_OK ? 0 : -1;
}
