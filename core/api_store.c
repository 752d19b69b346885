/* core.store: see scripts/meta/store.lua. */
#include "api.h"
#include "api_script_version.h"
#include "log.h"
#include "mem.h"
#include "store.h"
#include "task.h"
#include <lauxlib.h>

enum { MAX_ARGUMENTS = 1000 };

struct wait {
    struct task_ticket ticket;
    int is_abandoned; /* the task has ended; the batch still runs */
};

/* --- checking the statements: everything that can raise does so before anything is allocated ---
 */

static int is_storable(lua_State *L)
{
    struct value value;
    return api_read_value(L, -1, &value) ||
           (lua_islightuserdata(L, -1) && !lua_touserdata(L, -1)); /* store.null */
}

/* Which argument the field on top of the stack is, counted from 1; 0: the SQL; -1: an option. */
static int argument_number(lua_State *L)
{
    lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    return key >= 1 && key <= MAX_ARGUMENTS ? (int)key - 1 : -1;
}

static void check_field(lua_State *L, int statement)
{
    int argument = argument_number(L);
    if (argument > 0 && !is_storable(L))
        luaL_error(L, "store.run: statement %d, argument %d: a %s cannot be kept", statement,
                   argument, luaL_typename(L, -1));
    if (argument >= 0) return;
    if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "gate") != 0 ||
        !lua_isboolean(L, -1))
        luaL_error(L, "store.run: statement %d has a field that is no argument: %s", statement,
                   luaL_tolstring(L, -2, NULL));
}

/* Checks the statement {sql, argument...} on top of the stack. */
static void check_statement(lua_State *L, int statement)
{
    if (!lua_istable(L, -1))
        luaL_error(L, "store.run: statement %d is a %s, not a table {sql, argument...}", statement,
                   luaL_typename(L, -1));
    if (lua_rawgeti(L, -1, 1) != LUA_TSTRING)
        luaL_error(L, "store.run: statement %d has no SQL", statement);
    lua_pop(L, 1);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        check_field(L, statement);
}

/* Returns the number of statements. */
static int check_statements(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkstack(L, 8, "statements");
    int count = (int)lua_rawlen(L, 1);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        check_statement(L, i);
        lua_pop(L, 1);
    }
    return count;
}

/* --- reading them --- */

/* The value on top of the stack, with a text of its own. */
static struct value read_value(lua_State *L)
{
    struct value value;
    api_read_value(L, -1, &value);
    if (value.type == VALUE_TEXT) value.text = mem_copy(value.text, value.len);
    return value;
}

/* The highest argument; lua_rawlen() is not reliable in a table with holes. */
static int count_arguments(lua_State *L)
{
    int count = 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        int argument = argument_number(L);
        if (argument > count) count = argument;
    }
    return count;
}

static void read_statement(lua_State *L, struct store_statement *s)
{
    s->nargs = count_arguments(L);
    s->args = mem_new((size_t)s->nargs, sizeof *s->args);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        int argument = argument_number(L);
        if (argument > 0)
            s->args[argument - 1] = read_value(L);
        else if (argument < 0)
            s->is_gate = lua_toboolean(L, -1);
        else
            s->sql = mem_text(lua_tostring(L, -1));
    }
}

static struct store_batch *read_batch(lua_State *L, int nstatements)
{
    struct store_batch *batch = store_batch_new(nstatements);
    for (int i = 0; i < nstatements; i++) {
        lua_rawgeti(L, 1, i + 1);
        read_statement(L, &batch->statements[i]);
        lua_pop(L, 1);
    }
    return batch;
}

/* --- results --- */

static void push_rows(lua_State *L, const struct store_statement *s)
{
    lua_createtable(L, (int)s->nrows, 1);
    for (int64_t row = 0; row < s->nrows; row++) {
        lua_createtable(L, 0, s->ncolumns);
        for (int i = 0; i < s->ncolumns; i++) {
            const struct value *value = &s->values[row * s->ncolumns + i];
            if (value->type == VALUE_NONE) continue;
            api_push_value(L, value);
            lua_setfield(L, -2, s->columns[i]);
        }
        lua_rawseti(L, -2, row + 1);
    }
    api_set_integer(L, "changes", s->changes);
}

static int push_results(lua_State *co, void *result)
{
    const struct store_batch *batch = result;
    if (batch->code) return api_fail(co, batch->code, "%s", batch->message);
    lua_createtable(co, batch->nstatements, 0);
    for (int i = 0; i < batch->nstatements; i++) {
        push_rows(co, &batch->statements[i]);
        lua_rawseti(co, -2, i + 1);
    }
    return 1;
}

static void on_done(struct store_batch *batch, void *arg)
{
    struct wait *wait = arg;
    if (!wait->is_abandoned) task_wake(wait->ticket, push_results, batch);
    store_batch_free(batch);
    free(wait);
}

static void abandon(void *arg)
{
    struct wait *wait = arg;
    wait->is_abandoned = 1;
}

/* --- the module --- */

static int run(lua_State *L)
{
    struct core *core = api_core(L);
    int nstatements = check_statements(L);
    task_check_wait(L);
    const struct server *server = core->server;
    if (!core->store && server && server->open_store) core->store = server->open_store(server->arg);
    if (!core->store) return api_fail(L, "closed", "there is no journal here");
    struct wait *wait = mem_new(1, sizeof *wait);
    store_start(core->store, read_batch(L, nstatements), on_done, wait);
    return task_wait(L, &wait->ticket, abandon, wait);
}

static int read_oldest(lua_State *L, int count)
{
    int oldest = count;
    if (lua_getfield(L, 1, "oldest") != LUA_TNIL) oldest = (int)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    luaL_argcheck(L, count == 0 || (oldest >= 1 && oldest <= count), 1,
                  "oldest is a version between 1 and the last one");
    return oldest;
}

/* The migrations as C strings, in memory that the stack holds together with the strings. */
static const char **read_migrations(lua_State *L, int count)
{
    const char **migrations = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *migrations, 0);
    luaL_checkstack(L, count + 4, "migrations");
    for (int i = 0; i < count; i++) {
        if (lua_rawgeti(L, 1, i + 1) != LUA_TSTRING)
            luaL_error(L, "store.migrate: migration %d is a %s, not SQL text", i + 1,
                       luaL_typename(L, -1));
        migrations[i] = lua_tostring(L, -1);
    }
    return migrations;
}

static int migrate(lua_State *L)
{
    struct store *store = api_core(L)->store;
    char *message = NULL;
    luaL_checktype(L, 1, LUA_TTABLE);
    int count = (int)lua_rawlen(L, 1), oldest = read_oldest(L, count);
    const char **migrations = read_migrations(L, count);
    if (!store) return 0;
    if (store_migrate(store, migrations, count, oldest, &message) != 0) {
        lua_pushfstring(L, "store.migrate: %s", message);
        free(message);
        return lua_error(L);
    }
    if (store_version(store) > count)
        log_line(LOG_WARN, "store.newer",
                 "the journal was written by a newer release; these scripts can work with it");
    return 0;
}

int api_store_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "run", run }, { "migrate", migrate }, { NULL, NULL } };
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL); /* equal to json.null: a null from JSON is a NULL */
    lua_setfield(L, -2, "null");
    return 1;
}
