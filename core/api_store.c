/* core.store */
#include "api.h"
#include "log.h"
#include "mem.h"
#include "store.h"
#include "task.h"
#include <lauxlib.h>

struct wait {
    struct task_ticket ticket;
    int given_up; /* the task has ended; the batch goes on */
};

/* Checking the statements: all that can raise an error does so before anything is allocated. */

static int can_be_kept(lua_State *L)
{
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
    case LUA_TSTRING:
        return 1;
    default:
        return lua_islightuserdata(L, -1) && !lua_touserdata(L, -1);
    }
}

/* The argument that the field on top of the stack is, counted from 1; 0 when it is the SQL, -1 when
 * it is an option. */
static int argument_of(lua_State *L)
{
    lua_Integer at = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    return at >= 1 && at <= 1000 ? (int)at - 1 : -1;
}

static void check_field(lua_State *L, int number)
{
    int argument = argument_of(L);
    if (argument > 0 && !can_be_kept(L))
        luaL_error(L, "store.run: statement %d, argument %d: a %s cannot be kept", number, argument,
                   luaL_typename(L, -1));
    if (argument >= 0) return;
    if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "gate") != 0 ||
        !lua_isboolean(L, -1))
        luaL_error(L, "store.run: statement %d has a field that is no argument: %s", number,
                   luaL_tolstring(L, -2, NULL));
}

/* The statement {sql, argument...} on top of the stack. */
static void check_statement(lua_State *L, int number)
{
    if (!lua_istable(L, -1))
        luaL_error(L, "store.run: statement %d is a %s, not a table {sql, argument...}", number,
                   luaL_typename(L, -1));
    if (lua_rawgeti(L, -1, 1) != LUA_TSTRING)
        luaL_error(L, "store.run: statement %d has no SQL", number);
    lua_pop(L, 1);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        check_field(L, number);
}

/* Returns how many there are. */
static int check_statements(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkstack(L, 8, "statements");
    int n = (int)lua_rawlen(L, 1);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, 1, i);
        check_statement(L, i);
        lua_pop(L, 1);
    }
    return n;
}

/* Reading them */

static struct store_value read_value(lua_State *L, struct store_batch *batch)
{
    struct store_value v = { .type = STORE_NULL };
    size_t len;
    const char *text;
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        v.type = STORE_INT;
        v.i = lua_toboolean(L, -1);
        break;
    case LUA_TNUMBER:
        v.type = lua_isinteger(L, -1) ? STORE_INT : STORE_REAL;
        if (v.type == STORE_INT)
            v.i = lua_tointeger(L, -1);
        else
            v.r = lua_tonumber(L, -1);
        break;
    case LUA_TSTRING:
        v.type = STORE_TEXT;
        text = lua_tolstring(L, -1, &len);
        v.text = store_batch_text(batch, text, len);
        v.len = len;
        break;
    }
    return v;
}

/* One that is left out before it is a NULL; the length of a table with holes says little. */
static void read_argument(lua_State *L, struct store_batch *batch, struct store_statement *s,
                          int argument, int *room)
{
    if (argument > *room) {
        struct store_value *args = store_batch_take(batch, (size_t)argument, sizeof *args);
        if (*room > 0) memcpy(args, s->args, (size_t)*room * sizeof *args);
        s->args = args;
        *room = argument;
    }
    s->args[argument - 1] = read_value(L, batch);
    if (argument > s->nargs) s->nargs = argument;
}

static void read_statement(lua_State *L, struct store_batch *batch, struct store_statement *s)
{
    int room = (int)lua_rawlen(L, -1);
    s->args = store_batch_take(batch, (size_t)room, sizeof *s->args);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        int argument = argument_of(L);
        if (argument > 0)
            read_argument(L, batch, s, argument, &room);
        else if (argument < 0)
            s->gate = lua_toboolean(L, -1);
        else
            s->sql = read_value(L, batch).text;
    }
}

static struct store_batch *read_batch(lua_State *L, int n)
{
    struct store_batch *batch = store_batch_new(n);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, 1, i + 1);
        read_statement(L, batch, &batch->statements[i]);
        lua_pop(L, 1);
    }
    return batch;
}

/* Giving the results */

static void push_value(lua_State *L, const struct store_value *v)
{
    if (v->type == STORE_INT)
        lua_pushinteger(L, v->i);
    else if (v->type == STORE_REAL)
        lua_pushnumber(L, v->r);
    else
        lua_pushlstring(L, v->text, v->len);
}

static void push_rows(lua_State *L, const struct store_statement *s)
{
    lua_createtable(L, (int)s->nrows, 1);
    for (int64_t row = 0; row < s->nrows; row++) {
        lua_createtable(L, 0, s->ncolumns);
        for (int i = 0; i < s->ncolumns; i++) {
            const struct store_value *v = &s->values[row * s->ncolumns + i];
            if (v->type == STORE_NULL) continue;
            push_value(L, v);
            lua_setfield(L, -2, s->columns[i]);
        }
        lua_rawseti(L, -2, row + 1);
    }
    lua_pushinteger(L, s->changes);
    lua_setfield(L, -2, "changes");
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
    if (!wait->given_up) task_wake(wait->ticket, push_results, batch);
    store_batch_free(batch); /* and the wait with it */
}

static void give_up(void *op)
{
    struct wait *wait = op;
    wait->given_up = 1;
}

static int run(lua_State *L)
{
    struct core *core = api_core(L);
    int n = check_statements(L);
    task_check_wait(L);
    if (!core->store) return api_fail(L, "closed", "there is no journal here");
    struct store_batch *batch = read_batch(L, n);
    struct wait *wait = store_batch_take(batch, 1, sizeof *wait);
    store_start(core->store, batch, on_done, wait);
    return task_wait(L, &wait->ticket, give_up, wait);
}

static int read_oldest(lua_State *L, int n)
{
    int oldest = n;
    if (lua_getfield(L, 1, "oldest") != LUA_TNIL) oldest = (int)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    luaL_argcheck(L, n == 0 || (oldest >= 1 && oldest <= n), 1,
                  "oldest is a version between 1 and the last one");
    return oldest;
}

static void warn_of_newer(struct core *core, int n)
{
    if (core->store && store_version(core->store) > n)
        log_stray(LOG_WARN, "store.newer",
                  "the journal was written by a newer release; these scripts can work with it");
}

/* The list is held by the stack; so is the array of pointers. */
static int migrate(lua_State *L)
{
    struct core *core = api_core(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    int n = (int)lua_rawlen(L, 1), oldest = read_oldest(L, n);
    const char **list = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *list, 0);
    luaL_checkstack(L, n + 4, "migrations");
    for (int i = 0; i < n; i++) {
        if (lua_rawgeti(L, 1, i + 1) != LUA_TSTRING)
            luaL_error(L, "store.migrate: migration %d is a %s, not SQL text", i + 1,
                       luaL_typename(L, -1));
        list[i] = lua_tostring(L, -1);
    }
    char *message = NULL;
    if (!core->store || store_migrate(core->store, list, n, oldest, &message) == 0)
        return warn_of_newer(core, n), 0;
    lua_pushfstring(L, "store.migrate: %s", message);
    free(message);
    return lua_error(L);
}

int api_store_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "run", run }, { "migrate", migrate }, { NULL, NULL } };
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL); /* the same as json.null, so a null from JSON is a NULL */
    lua_setfield(L, -2, "null");
    return 1;
}
