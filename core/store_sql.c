#include "store_sql.h"
#include "hash.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_ROWS = 100000, BUSY_MS = 5000, PREPARED = 128 };

struct store_sql {
    sqlite3 *db;
    sqlite3_stmt *prepared[PREPARED]; /* by the hash of the SQL; see prepare() */
    int is_own;          /* a statement of the store runs: transactions and pragmas are allowed */
    int version, oldest; /* of the schema; the lowest version whose scripts can work with it (kept
                            in application_id; 0: unknown) */
    char *path, *wal_path;
    struct stat file, wal; /* as they were opened */
};

/* Whether scripts may change rows of the table in that way: the audit log only grows, and
 * sqlite_sequence numbers it. SQLite guards the schema itself, and names it here for the table of
 * json_each(). */
static int may_change(int action, const char *table)
{
    if (strcmp(table, "sqlite_sequence") == 0) return 0;
    return action == SQLITE_INSERT || strcmp(table, "audit") != 0;
}

/* Scripts must not end our transactions, open other files, change how the journal is written, or
 * change its schema, which only migrations do. */
static int authorize(void *arg, int action, const char *first, const char *second,
                     const char *database, const char *trigger)
{
    const struct store_sql *sql = arg;
    if (sql->is_own) return SQLITE_OK;
    switch (action) {
    case SQLITE_READ:
    case SQLITE_SELECT:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE: return may_change(action, first) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_PRAGMA: return second ? SQLITE_DENY : SQLITE_OK;
    default: return SQLITE_DENY;
    }
}

/* SQLite reports an exceeded quota or file size limit as an I/O error and does not keep errno, so
 * this must be called right after the call that failed. */
static const char *code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT: return "conflict";
    case SQLITE_FULL: return "full";
    case SQLITE_IOERR:
        return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? "full" : "failed";
    case SQLITE_READONLY: return "readonly";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return "corrupt";
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_AUTH: return "invalid";
    default: return "failed";
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

const char *store_sql_do(struct store_sql *sql, const char *text)
{
    sql->is_own = 1;
    errno = 0;
    int rc = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
    sql->is_own = 0;
    return rc == SQLITE_OK ? NULL : code_of(rc);
}

/* --- running a batch --- */

/* The statement, ready to bind; NULL when it is invalid, which is then set in the batch. Prepared
 * statements are kept, because preparing them takes a third of the processor time of an accepted
 * deployment (200 of 700 us). */
static sqlite3_stmt *prepare(struct store_sql *sql, struct store_batch *batch, const char *text)
{
    const char *rest = "";
    sqlite3_stmt **kept = &sql->prepared[hash_text(text) % PREPARED], *stmt = NULL;
    if (*kept && strcmp(sqlite3_sql(*kept), text) == 0) return *kept;
    int rc = sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, &rest);
    if (rc != SQLITE_OK) {
        store_batch_fail(batch, code_of(rc), "%s, in: %.200s", sqlite3_errmsg(sql->db), text);
        return NULL;
    }
    if (stmt && rest[strspn(rest, " \t\r\n;")] == '\0') {
        sqlite3_finalize(*kept);
        *kept = stmt;
        return stmt;
    }
    sqlite3_finalize(stmt);
    store_batch_fail(batch, "invalid", "one statement was expected, in: %.200s", text);
    return NULL;
}

static void bind(sqlite3_stmt *stmt, int index, const struct value *value)
{
    switch (value->type) {
    case VALUE_BOOL:
    case VALUE_INTEGER: sqlite3_bind_int64(stmt, index, value->integer); break;
    case VALUE_NUMBER: sqlite3_bind_double(stmt, index, value->number); break;
    case VALUE_TEXT:
        sqlite3_bind_text64(stmt, index, value->text, value->len, SQLITE_STATIC, SQLITE_UTF8);
        break;
    default: sqlite3_bind_null(stmt, index);
    }
}

static struct value read_column(sqlite3_stmt *stmt, int index)
{
    struct value value = { .type = VALUE_NONE };
    switch (sqlite3_column_type(stmt, index)) {
    case SQLITE_NULL: break;
    case SQLITE_INTEGER:
        value.type = VALUE_INTEGER;
        value.integer = sqlite3_column_int64(stmt, index);
        break;
    case SQLITE_FLOAT:
        value.type = VALUE_NUMBER;
        value.number = sqlite3_column_double(stmt, index);
        break;
    default:
        value.type = VALUE_TEXT;
        const void *bytes = sqlite3_column_blob(stmt, index);
        value.len = (size_t)sqlite3_column_bytes(stmt, index);
        value.text = mem_copy(bytes, value.len);
    }
    return value;
}

static void add_row(struct store_statement *s, sqlite3_stmt *stmt)
{
    /* Room doubles whenever the number of rows reaches a power of two. */
    if ((s->nrows & (s->nrows - 1)) == 0) {
        size_t room = (size_t)(s->nrows > 0 ? 2 * s->nrows : 1) * (size_t)s->ncolumns;
        s->values = mem_grow(s->values, room, sizeof *s->values);
    }
    for (int i = 0; i < s->ncolumns; i++)
        s->values[s->nrows * s->ncolumns + i] = read_column(stmt, i);
    s->nrows++;
}

/* Steps to the end. Returns SQLITE_DONE, or the error. */
static int collect_rows(struct store_statement *s, sqlite3_stmt *stmt)
{
    errno = 0;
    int rc = sqlite3_step(stmt); /* first: it may prepare again after a change of the schema */
    s->ncolumns = sqlite3_column_count(stmt);
    s->columns = mem_new((size_t)s->ncolumns, sizeof *s->columns);
    for (int i = 0; i < s->ncolumns; i++)
        s->columns[i] = mem_text(sqlite3_column_name(stmt, i));
    for (; rc == SQLITE_ROW; rc = sqlite3_step(stmt)) {
        if (s->nrows == MAX_ROWS) return SQLITE_TOOBIG;
        add_row(s, stmt);
    }
    return rc;
}

static void run_prepared(struct store_sql *sql, struct store_batch *batch,
                         struct store_statement *s, sqlite3_stmt *stmt)
{
    int nparameters = sqlite3_bind_parameter_count(stmt);
    if (s->nargs > nparameters) {
        store_batch_fail(batch, "invalid", "%d arguments for %d places, in: %.200s", s->nargs,
                         nparameters, s->sql);
        return;
    }
    int writes = !sqlite3_stmt_readonly(stmt);
    if (writes) batch->writes = 1;
    for (int i = 0; i < s->nargs; i++)
        bind(stmt, i + 1, &s->args[i]);
    sqlite3_int64 changes_before = sqlite3_total_changes64(sql->db);
    int rc = collect_rows(s, stmt);
    if (rc == SQLITE_TOOBIG && s->nrows == MAX_ROWS)
        store_batch_fail(batch, "invalid", "more than %d rows, add a LIMIT, in: %.200s", MAX_ROWS,
                         s->sql);
    else if (rc != SQLITE_DONE)
        store_batch_fail(batch, code_of(rc), "%s, in: %.200s", sqlite3_errmsg(sql->db), s->sql);
    else if (writes && sqlite3_total_changes64(sql->db) != changes_before)
        s->changes = sqlite3_changes64(sql->db);
}

void store_sql_run(struct store_sql *sql, struct store_batch *batch)
{
    for (int i = 0; i < batch->nstatements; i++) {
        struct store_statement *s = &batch->statements[i];
        sqlite3_stmt *stmt = prepare(sql, batch, s->sql);
        if (!stmt) return;
        run_prepared(sql, batch, s, stmt);
        sqlite3_reset(stmt);
        sqlite3_clear_bindings(stmt);
        if (batch->code || (s->is_gate && s->nrows == 0 && s->changes == 0)) return;
    }
}

/* --- opening --- */

/* SQLite gives its -wal and -shm files the mode of this one. */
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
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) *value = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int set_up(struct store_sql *sql)
{
    int rc = sqlite3_open_v2(sql->path, &sql->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, 0);
    if (rc != SQLITE_OK) return rc;
    if (sqlite3_db_readonly(sql->db, "main")) return SQLITE_READONLY;
    sqlite3_busy_timeout(sql->db, BUSY_MS);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* An unknown column in double quotes is an error, not a string. */
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    rc = sqlite3_exec(sql->db,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                      "PRAGMA journal_size_limit = 16777216; PRAGMA wal_autocheckpoint = 4000;"
                      "PRAGMA temp_store = MEMORY",
                      NULL, NULL, NULL);
    if (rc == SQLITE_OK) rc = read_int(sql, "PRAGMA user_version", &sql->version);
    if (rc == SQLITE_OK) rc = read_int(sql, "PRAGMA application_id", &sql->oldest);
    if (rc == SQLITE_OK) rc = sqlite3_set_authorizer(sql->db, authorize, sql);
    if (rc == SQLITE_OK && stat(sql->wal_path, &sql->wal) != 0) rc = SQLITE_CANTOPEN;
    return rc;
}

static void close_db(struct store_sql *sql)
{
    for (int i = 0; i < PREPARED; i++)
        sqlite3_finalize(sql->prepared[i]);
    memset(sql->prepared, 0, sizeof sql->prepared);
    sqlite3_close(sql->db);
    sql->db = NULL;
}

struct store_sql *store_sql_open(const char *path, char **message)
{
    if (make_private(path) != 0) {
        *message = mem_printf("cannot open the journal %s for writing: %s", path, strerror(errno));
        return NULL;
    }
    struct store_sql *sql = mem_new(1, sizeof *sql);
    sql->path = mem_text(path);
    sql->wal_path = mem_printf("%s-wal", path);
    int rc = stat(path, &sql->file) == 0 ? set_up(sql) : SQLITE_CANTOPEN;
    if (rc == SQLITE_OK) return sql;
    *message = mem_printf("cannot open the journal %s: %s", path,
                          rc == SQLITE_READONLY ? "it cannot be written" : sqlite3_errmsg(sql->db));
    store_sql_close(sql);
    return NULL;
}

void store_sql_close(struct store_sql *sql)
{
    if (!sql) return;
    close_db(sql);
    free(sql->path);
    free(sql->wal_path);
    free(sql);
}

/* --- a disk that fails --- */

static int is_unmoved(const char *path, const struct stat *opened)
{
    struct stat now;
    return stat(path, &now) == 0 && now.st_ino == opened->st_ino && now.st_dev == opened->st_dev;
}

int store_sql_is_missing(const struct store_sql *sql)
{
    return !is_unmoved(sql->path, &sql->file) || !is_unmoved(sql->wal_path, &sql->wal);
}

/* When only the WAL was removed, its content is still readable through the open descriptor: it is
 * copied into the database file, and a new WAL is made. */
static int recover_wal(struct store_sql *sql)
{
    int pages = -1, copied = -2;
    sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_FULL, &pages, &copied);
    if (pages != copied) return -1;
    close_db(sql);
    sql->is_own = 1;
    int rc = set_up(sql);
    sql->is_own = 0;
    return rc == SQLITE_OK ? 0 : -1;
}

const char *store_sql_probe(struct store_sql *sql)
{
    char write[48];
    if (!is_unmoved(sql->path, &sql->file)) return "missing";
    if (store_sql_is_missing(sql) && recover_wal(sql) != 0) return "missing";
    /* Lets the WAL start over, which frees its space. */
    sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    snprintf(write, sizeof write, "PRAGMA user_version = %d", sql->version);
    const char *code = store_sql_do(sql, "BEGIN IMMEDIATE");
    if (!code) code = store_sql_do(sql, write);
    if (!code) code = store_sql_do(sql, "COMMIT");
    if (code && store_sql_in_transaction(sql)) store_sql_do(sql, "ROLLBACK");
    return code;
}

/* --- migrations --- */

static const char *migrate_one(struct store_sql *sql, const char *text, int version, int oldest)
{
    char versions[96];
    snprintf(versions, sizeof versions, "PRAGMA user_version = %d; PRAGMA application_id = %d",
             version, oldest < version ? oldest : version);
    const char *code = store_sql_do(sql, "BEGIN IMMEDIATE");
    if (!code) code = store_sql_do(sql, text);
    if (!code && !store_sql_in_transaction(sql)) return "invalid"; /* the text has a COMMIT */
    if (!code) code = store_sql_do(sql, versions);
    if (!code) code = store_sql_do(sql, "COMMIT");
    return code;
}

int store_sql_supports(const struct store_sql *sql, int version)
{
    return sql->oldest > 0 && sql->oldest <= version;
}

int store_sql_migrate(struct store_sql *sql, const char *const *migrations, int count, int oldest,
                      char **message)
{
    if (sql->version > count) {
        *message = mem_printf("the journal has schema %d, these scripts know %d: install the newer "
                              "version again, or put a backup back",
                              sql->version, count);
        return -1;
    }
    for (; sql->version < count; sql->version++) {
        int version = sql->version + 1;
        const char *code = migrate_one(sql, migrations[sql->version], version, oldest);
        if (!code) continue;
        *message = mem_printf("migration %d failed (%s): %s", version, code, store_sql_error(sql));
        if (store_sql_in_transaction(sql)) store_sql_do(sql, "ROLLBACK");
        return -1;
    }
    return 0;
}
