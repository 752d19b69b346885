/* api: what the api_*.c files share: the parts of the process, and the helpers that carry all error
 * policy. A function of core.* returns its value on success; nil, message, code on failures of the
 * outside world; and raises on misuse, naming the argument. Loop thread.
 */
#ifndef API_H
#define API_H
#include "value.h"
#include "vm.h"

#include <lua.h>

struct fetch_pool;
struct httpd;
struct limiter;
struct loop;
struct server;
struct settings;
struct shared;
struct sse;
struct store;
struct www;

/* The parts of one process, owned by main. Any but loop may be NULL under --check and in tests. */
struct core {
    struct loop *loop;
    struct httpd *httpd;
    struct fetch_pool *fetch;
    struct store *store;
    struct shared *shared;
    struct limiter *limiter;
    struct sse *sse;
    struct www *www;
    struct server *server;
    struct settings *settings;
};

struct core *api_core(lua_State *L);
/* Pushes nil, message, code; returns 3. */
int api_fail(lua_State *L, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Raises when the table at `index` has a key that is not among `known` (NULL-terminated). */
void api_known_keys(lua_State *L, int index, const char *const *known);
/* Read a field of the options table at `index`; a missing one gives `missing`. Raise on a wrong
 * type, naming the key. Texts live as long as the table. */
const char *api_text(lua_State *L, int index, const char *key, const char *missing);
lua_Number api_number(lua_State *L, int index, const char *key, lua_Number missing);
int api_flag(lua_State *L, int index, const char *key, int missing);
/* Reads nil, a boolean, number or string; its text is Lua's. Returns 0 for another type. */
int api_read_value(lua_State *L, int index, struct value *value);
void api_push_value(lua_State *L, const struct value *value);
/* Argument `arg` in seconds, as milliseconds. Raises unless it is a number from 0 up. */
int64_t api_seconds(lua_State *L, int arg);
/* Seconds since 1970. */
double api_clock(void);

/* All core modules, ending with a NULL name (api_modules.c). */
extern const struct vm_module api_modules[];

/* Openers: each pushes its module's table and returns 1. */
int api_config_open(lua_State *L);
int api_console_open(lua_State *L);
int api_crypto_open(lua_State *L);
int api_gzip_open(lua_State *L);
int api_http_open(lua_State *L);
int api_json_open(lua_State *L);
int api_limit_open(lua_State *L);
int api_log_open(lua_State *L);
int api_metrics_open(lua_State *L);
int api_server_open(lua_State *L);
int api_shared_open(lua_State *L);
int api_sse_open(lua_State *L);
int api_store_open(lua_State *L);
int api_task_open(lua_State *L);
int api_text_open(lua_State *L);
int api_timer_open(lua_State *L);
#endif
