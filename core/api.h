/* api: what the api_*.c files share: the parts of the process, and the helpers that carry all error
 * policy. A function of core.* returns its value on success; nil, message, code on failures of the
 * outside world; and raises on misuse, naming the argument. Loop thread.
 */
#ifndef API_H
#define API_H
#include "value.h"
#include "vm.h"

#include <lua.h>

struct bundle;
struct fetch_pool;
struct httpd;
struct httpd_request;
struct limiter;
struct loop;
struct server;
struct settings;
struct shared;
struct sse;
struct sse_subscription;
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
/* The table {path = text} at `index` as a bundle with one reference. NULL and *message, to be freed
 * by the caller. */
struct bundle *api_read_bundle(lua_State *L, int index, char **message);
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
/* Set a field of the table on top of the stack. */
void api_set_text(lua_State *L, const char *key, const char *value);
void api_set_integer(lua_State *L, const char *key, lua_Integer value);
void api_set_number(lua_State *L, const char *key, lua_Number value);
void api_set_flag(lua_State *L, const char *key, int value);
/* Whether the value is a table with the metatable of that name. */
int api_is_marked(lua_State *L, int index, const char *name);
/* Argument `arg` in seconds, as milliseconds. Raises unless it is a number from 0 up. */
int64_t api_seconds(lua_State *L, int arg);
/* Seconds since 1970. */
double api_clock(void);

/* Pushes the JSON of the value at `index`; raises on what JSON cannot represent. Bytes that are not
 * UTF-8 become U+FFFD. */
void api_json_push(lua_State *L, int index);
/* Returns 1 when the value at `index` is what sse.subscribe() returned. Then *subscription is read
 * from it, and all that it points to is on the stack. Raises when an event is malformed. */
int api_sse_read(lua_State *L, int index, struct sse_subscription *subscription);
enum { API_MAX_BODY = 2 << 20 }; /* bytes; the most that a route's max_body may be */
/* httpd's on_request: from a request on the wire to a task that runs its handler, and to the
 * answer. `server` is a struct server with a current script version. */
void api_request_serve(struct httpd_request *request, void *server);
/* For httpd_take_long_bodies(): 1 when the request's route has a limit of its own. */
int api_takes_long_body(const char *method, const char *path, void *server);

/* env(name) of config.lua and core.console: the variable's value, or nil. */
int api_env(lua_State *L);

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
int api_process_open(lua_State *L);
int api_server_open(lua_State *L);
int api_shared_open(lua_State *L);
int api_site_open(lua_State *L);
int api_sse_open(lua_State *L);
int api_store_open(lua_State *L);
int api_task_open(lua_State *L);
int api_text_open(lua_State *L);
int api_timer_open(lua_State *L);
#endif
