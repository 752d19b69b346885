#include "store_sql.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CACHED = 64, MAX_ROWS = 100000, BUSY_MS = 5000 };

struct cached {
    uint64_t hash, used;
    sqlite3_stmt *stmt;
};

struct store_sql {
    sqlite3 *db;
    struct cached cache[CACHED];
    uint64_t tick;
    int own;             /* a statement of ours runs: transactions and pragmas are allowed */
    int version, oldest; /* of the schema; the lowest whose scripts can work with it, which stands
                            in application_id; 0: not told */
    char *path, *wal_path;
    struct stat file, wal; /* what was opened there */
};

/* Scripts may not end our transactions, open other files or change how the journal is written. */
static int authorize(void *arg, int action, const char *first, const char *second,
                     const char *database, const char *trigger)
{
    const struct store_sql *sql = arg;
    (void)first, (void)database, (void)trigger;
    if (sql->own) return SQLITE_OK;
    if (action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT || action == SQLITE_ATTACH ||
        action == SQLITE_DETACH)
        return SQLITE_DENY;
    return action == SQLITE_PRAGMA && second ? SQLITE_DENY : SQLITE_OK;
}

/* A quota and a file size limit are an I/O error to SQLite, which does not keep errno: so it is
 * read here, right after the call that failed. */
static const char *code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return "conflict";
    case SQLITE_FULL:
        return "full";
    case SQLITE_IOERR:
        return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? "full" : "failed";
    case SQLITE_READONLY:
        return "readonly";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "corrupt";
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_AUTH:
        return "invalid";
    default:
        return "failed";
    }
}

const char *store_sql_error(const struct store_sql *sql)
{
    return sqlite3_errmsg(sql->db);
}

int store_sql_version(const struct store_sql *sql)
{
    return sql->version;
}

int store_sql_in_transaction(const struct store_sql *sql)
{
    return !sqlite3_get_autocommit(sql->db);
}

int store_sql_has_written(const struct store_sql *sql)
{
    return sqlite3_txn_state(sql->db, "main") == SQLITE_TXN_WRITE;
}

static int is_there(const char *path, const struct stat *opened)
{
    struct stat now;
    return stat(path, &now) == 0 && now.st_ino == opened->st_ino && now.st_dev == opened->st_dev;
}

const char *store_sql_gone(const struct store_sql *sql)
{
    return is_there(sql->path, &sql->file) && is_there(sql->wal_path, &sql->wal) ? NULL : "gone";
}

const char *store_sql_do(struct store_sql *sql, const char *text)
{
    sql->own = 1;
    errno = 0;
    int rc = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
    sql->own = 0;
    return rc == SQLITE_OK ? NULL : code_of(rc);
}

static int open_again(struct store_sql *sql);

/* The WAL alone was removed: all that is in it is still at hand, and goes into the file itself;
 * then there can be a new one. */
static int save_wal(struct store_sql *sql)
{
    int in_wal = -1, in_file = -2;
    sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_FULL, &in_wal, &in_file);
    return in_wal == in_file ? open_again(sql) : -1;
}

const char *store_sql_probe(struct store_sql *sql)
{
    char write[48];
    if (!is_there(sql->path, &sql->file)) return "gone";
    if (store_sql_gone(sql) && save_wal(sql) != 0) return "gone";
    sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                              NULL); /* lets the WAL begin again at its start */
    snprintf(write, sizeof write, "PRAGMA user_version = %d", sql->version);
    const char *code = store_sql_do(sql, "BEGIN IMMEDIATE");
    if (!code) code = store_sql_do(sql, write);
    if (!code) code = store_sql_do(sql, "COMMIT");
    if (code && store_sql_in_transaction(sql)) store_sql_do(sql, "ROLLBACK");
    return code;
}

/* The prepared statements, least recently used out first. */

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

static sqlite3_stmt *cached_statement(struct store_sql *sql, const char *text, uint64_t hash)
{
    for (int i = 0; i < CACHED; i++) {
        struct cached *c = &sql->cache[i];
        if (!c->stmt || c->hash != hash || strcmp(sqlite3_sql(c->stmt), text) != 0) continue;
        c->used = ++sql->tick;
        return c->stmt;
    }
    return NULL;
}

static void keep_statement(struct store_sql *sql, sqlite3_stmt *stmt, uint64_t hash)
{
    struct cached *oldest = &sql->cache[0];
    for (int i = 1; i < CACHED; i++)
        if (sql->cache[i].used < oldest->used) oldest = &sql->cache[i];
    sqlite3_finalize(oldest->stmt);
    *oldest = (struct cached){ .hash = hash, .used = ++sql->tick, .stmt = stmt };
}

static int only_blanks(const char *text)
{
    return text[strspn(text, " \t\r\n;")] == 0;
}

/* The statement, ready to bind; NULL when the batch has failed. */
static sqlite3_stmt *prepare(struct store_sql *sql, struct store_batch *batch, const char *text)
{
    uint64_t hash = hash_of(text);
    sqlite3_stmt *stmt = cached_statement(sql, text, hash);
    if (stmt) return stmt;
    const char *rest = "";
    int rc = sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, &rest);
    if (rc != SQLITE_OK) {
        store_batch_fail(batch, code_of(rc), "%s, in: %.200s", sqlite3_errmsg(sql->db), text);
        return NULL;
    }
    if (!stmt || !only_blanks(rest)) {
        sqlite3_finalize(stmt);
        store_batch_fail(batch, "invalid", "one statement was expected, in: %.200s", text);
        return NULL;
    }
    keep_statement(sql, stmt, hash);
    return stmt;
}

static void bind(sqlite3_stmt *stmt, int at, const struct store_value *v)
{
    switch (v->type) {
    case STORE_INT:
        sqlite3_bind_int64(stmt, at, v->i);
        break;
    case STORE_REAL:
        sqlite3_bind_double(stmt, at, v->r);
        break;
    case STORE_TEXT:
        sqlite3_bind_text64(stmt, at, v->text, v->len, SQLITE_STATIC, SQLITE_UTF8);
        break;
    default:
        sqlite3_bind_null(stmt, at);
    }
}

static struct store_value column(struct store_batch *batch, sqlite3_stmt *stmt, int i)
{
    struct store_value v = { .type = STORE_NULL };
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_INTEGER:
        v.type = STORE_INT;
        v.i = sqlite3_column_int64(stmt, i);
        break;
    case SQLITE_FLOAT:
        v.type = STORE_REAL;
        v.r = sqlite3_column_double(stmt, i);
        break;
    case SQLITE_NULL:
        break;
    default:
        v.type = STORE_TEXT;
        const void *bytes = sqlite3_column_blob(stmt, i);
        v.len = (size_t)sqlite3_column_bytes(stmt, i);
        v.text = store_batch_text(batch, bytes, v.len);
    }
    return v;
}

/* Room for rows grows to the double; what was there before stays where it was until the batch is
 * freed. */
static void make_room(struct store_batch *batch, struct store_statement *s)
{
    size_t used = (size_t)s->nrows * (size_t)s->ncolumns;
    if (s->nrows & (s->nrows - 1)) return;
    struct store_value *room =
        store_batch_take(batch, used ? 2 * used : (size_t)s->ncolumns, sizeof *room);
    if (used) memcpy(room, s->values, used * sizeof *room);
    s->values = room;
}

static void add_row(struct store_batch *batch, struct store_statement *s, sqlite3_stmt *stmt)
{
    make_room(batch, s);
    for (int i = 0; i < s->ncolumns; i++)
        s->values[s->nrows * s->ncolumns + i] = column(batch, stmt, i);
    s->nrows++;
}

static void name_columns(struct store_batch *batch, struct store_statement *s, sqlite3_stmt *stmt)
{
    s->ncolumns = sqlite3_column_count(stmt);
    s->columns = store_batch_take(batch, (size_t)s->ncolumns, sizeof *s->columns);
    for (int i = 0; i < s->ncolumns; i++) {
        const char *name = sqlite3_column_name(stmt, i);
        s->columns[i] = store_batch_text(batch, name, strlen(name));
    }
}

/* Steps to the end. Returns SQLITE_DONE, or what went wrong. */
static int collect(struct store_batch *batch, struct store_statement *s, sqlite3_stmt *stmt)
{
    errno = 0;
    int rc = sqlite3_step(stmt);
    name_columns(
        batch, s,
        stmt); /* after the step: it prepares the statement anew when the schema has changed */
    for (; rc == SQLITE_ROW; rc = sqlite3_step(stmt)) {
        if (s->nrows == MAX_ROWS) return SQLITE_TOOBIG;
        add_row(batch, s, stmt);
    }
    return rc;
}

static void fail(struct store_sql *sql, struct store_batch *batch, const char *text, int rc)
{
    if (rc == SQLITE_TOOBIG)
        store_batch_fail(batch, "invalid", "more than %d rows, add a LIMIT, in: %.200s", MAX_ROWS,
                         text);
    else
        store_batch_fail(batch, code_of(rc), "%s, in: %.200s", sqlite3_errmsg(sql->db), text);
}

/* Arguments that are missing at the end are NULL. */
static void run_statement(struct store_sql *sql, struct store_job *job, struct store_statement *s)
{
    sqlite3_stmt *stmt = prepare(sql, job->batch, s->sql);
    if (!stmt) return;
    if (s->nargs > sqlite3_bind_parameter_count(stmt)) {
        store_batch_fail(job->batch, "invalid", "%d arguments for %d places, in: %.200s", s->nargs,
                         sqlite3_bind_parameter_count(stmt), s->sql);
        return;
    }
    int writes = !sqlite3_stmt_readonly(stmt);
    if (writes) job->wrote = 1;
    sqlite3_int64 before = sqlite3_total_changes64(sql->db);
    for (int i = 0; i < s->nargs; i++)
        bind(stmt, i + 1, &s->args[i]);
    int rc = collect(job->batch, s, stmt);
    if (rc != SQLITE_DONE)
        fail(sql, job->batch, s->sql, rc);
    else if (writes && sqlite3_total_changes64(sql->db) != before)
        s->changes = sqlite3_changes64(sql->db);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

static int is_shut_gate(const struct store_statement *s)
{
    return s->gate && s->nrows == 0 && s->changes == 0;
}

void store_sql_run(struct store_sql *sql, struct store_job *job)
{
    struct store_batch *batch = job->batch;
    for (int i = 0; i < batch->nstatements && !batch->code; i++) {
        run_statement(sql, job, &batch->statements[i]);
        if (is_shut_gate(&batch->statements[i])) break;
    }
}

/* Opening */

/* SQLite gives its other files the mode of this one. */
static int make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return -1;
    int rc = fchmod(fd, 0600);
    close(fd);
    return rc;
}

static int read_int(struct store_sql *sql, const char *text, int *value)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(sql->db, text, -1, &stmt, NULL);
    if (rc != SQLITE_OK) return rc;
    if ((rc = sqlite3_step(stmt)) == SQLITE_ROW) *value = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int set_up(struct store_sql *sql, const char *path)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* nobody asks, and counting takes a lock each time;
                                                   no longer possible the second time */
    int rc = sqlite3_open_v2(path, &sql->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) return rc;
    if (sqlite3_db_readonly(sql->db, "main")) return SQLITE_READONLY;
    sqlite3_busy_timeout(sql->db, BUSY_MS);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DQS_DML, 0,
                      NULL); /* a name in double quotes that is no column is an error, not a text */
    rc = sqlite3_exec(sql->db,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = "
                      "ON; PRAGMA trusted_schema = OFF;"
                      "PRAGMA journal_size_limit = 16777216; PRAGMA wal_autocheckpoint = 4000; "
                      "PRAGMA temp_store = MEMORY",
                      NULL, NULL, NULL);
    if (rc == SQLITE_OK) rc = read_int(sql, "PRAGMA user_version", &sql->version);
    if (rc == SQLITE_OK) rc = read_int(sql, "PRAGMA application_id", &sql->oldest);
    if (rc == SQLITE_OK) rc = sqlite3_set_authorizer(sql->db, authorize, sql);
    if (rc == SQLITE_OK && stat(sql->wal_path, &sql->wal) != 0) rc = SQLITE_CANTOPEN;
    return rc;
}

static void close_it(struct store_sql *sql)
{
    for (int i = 0; i < CACHED; i++)
        sqlite3_finalize(sql->cache[i].stmt);
    memset(sql->cache, 0, sizeof sql->cache);
    sqlite3_close(sql->db);
    sql->db = NULL;
}

static int open_again(struct store_sql *sql)
{
    close_it(sql);
    sql->own = 1;
    int rc = set_up(sql, sql->path);
    sql->own = 0;
    return rc == SQLITE_OK ? 0 : -1;
}

struct store_sql *store_sql_open(const char *path, char **message)
{
    if (make_private(path) != 0) {
        *message =
            store_sentence("cannot open the journal %s for writing: %s", path, strerror(errno));
        return NULL;
    }
    struct store_sql *sql = mem_new(1, sizeof *sql);
    sql->path = mem_text(path);
    sql->wal_path = store_sentence("%s-wal", path);
    int rc = stat(path, &sql->file) == 0 ? set_up(sql, path) : SQLITE_CANTOPEN;
    if (rc == SQLITE_OK) return sql;
    *message =
        store_sentence("cannot open the journal %s: %s", path,
                       rc == SQLITE_READONLY ? "it cannot be written" : sqlite3_errmsg(sql->db));
    store_sql_close(sql);
    return NULL;
}

void store_sql_close(struct store_sql *sql)
{
    if (!sql) return;
    close_it(sql);
    free(sql->path);
    free(sql->wal_path);
    free(sql);
}

/* Migrations */

static const char *migrate_one(struct store_sql *sql, const char *text, int version, int oldest)
{
    char count[96];
    snprintf(count, sizeof count, "PRAGMA user_version = %d; PRAGMA application_id = %d", version,
             oldest < version ? oldest : version);
    const char *code = store_sql_do(sql, "BEGIN IMMEDIATE");
    if (!code) code = store_sql_do(sql, text);
    if (!code && !store_sql_in_transaction(sql)) return "invalid"; /* it held a COMMIT */
    if (!code) code = store_sql_do(sql, count);
    if (!code) code = store_sql_do(sql, "COMMIT");
    return code;
}

int store_sql_is_for(const struct store_sql *sql, int n)
{
    return sql->oldest > 0 && sql->oldest <= n;
}

int store_sql_migrate(struct store_sql *sql, const char *const *migrations, int n, int oldest,
                      char **message)
{
    if (sql->version > n) {
        *message = store_sentence("the journal has schema %d, these scripts know %d: install the "
                                  "newer version again, or put a backup back",
                                  sql->version, n);
        return -1;
    }
    for (; sql->version < n; sql->version++) {
        const char *code = migrate_one(sql, migrations[sql->version], sql->version + 1, oldest);
        if (!code) continue;
        *message = store_sentence("migration %d failed (%s): %s", sql->version + 1, code,
                                  sqlite3_errmsg(sql->db));
        if (store_sql_in_transaction(sql)) store_sql_do(sql, "ROLLBACK");
        return -1;
    }
    return 0;
}
