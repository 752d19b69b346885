/* api_server: the portal's own HTTP side as scripts see it, and one load of the scripts: a
 * generation.
 *
 *   api_server.c             the module core.server
 *   api_server_generation.c  building a generation, putting it into force, retiring it
 *   api_server_request.c     from a request to a task that runs its handler
 *   api_server_view.c        the table that a handler gets: fields are read when they are asked for
 *   api_server_reply.c       from what a handler returned to an answer
 *
 * A generation is a vm with what its scripts registered. It lives in the vm, and so as long as the
 * vm's last task.
 */
#ifndef API_SERVER_H
#define API_SERVER_H
#include "httpd.h"
#include "log.h"
#include "settings.h"
#include "vm.h"

#include <lua.h>
#include <stdint.h>

struct core;
struct router;
struct task;

struct generation_timer {
    struct generation *generation;
    char *name;
    int64_t ms;
    int fn;
    struct loop_timer *timer;
    struct generation_timer *next;
};

struct handler {
    int fn;               /* registry reference */
    enum log_level level; /* of the line that each request leaves in the log */
};

struct generation {
    struct server *server;
    struct vm *vm; /* not a reference */
    int number;
    int loading;              /* the scripts may register */
    struct settings settings; /* as config.lua says now */
    struct router *router;    /* its values are indices of `handlers` */
    struct handler *handlers;
    int nhandlers;
    int on_error;   /* registry reference, or LUA_NOREF */
    int middleware; /* registry reference, or LUA_NOREF */
    int routes;     /* registry reference to the list of what was registered */
    int on_start;   /* registry reference to the list of functions */
    int on_check;   /* registry reference, or LUA_NOREF: what --check runs */
    struct generation_timer *timers;
};

struct server {
    struct core *core;
    const char *init;           /* the file that is run: "init.lua" */
    const char *root;           /* holds config.lua, scripts/, www/, locales/ */
    struct generation *current; /* holds a reference to its vm */
    int loads;                  /* generations that came into force */
    double started_at, loaded_at;
    int draining;
    int was_rejected;
    struct vm_error rejected; /* the last edit that was refused */
    double rejected_at;
};

/* --- generations --- */

/* A vm with the settings of config.lua read, the scripts not run yet. `like` gives root and
 * rehearsal. NULL and *error. */
struct generation *generation_new(struct server *server, const struct settings *like,
                                  struct vm_error *error);
/* Runs the scripts. 0; or -1 and *error: then it can only be dropped. */
int generation_load(struct generation *generation, struct vm_error *error);
/* Gives up one that never came into force. */
void generation_drop(struct generation *generation);
/* Puts it into force: requests go to it, its timers run, those of the one before end. */
void generation_take(struct generation *generation);
/* Ends the timers of the one in force and lets go of it. */
void generation_retire(struct server *server);
/* Runs the on_start functions, one after the other, in a task. done(NULL, arg), or with why one
 * failed. */
void generation_start(struct generation *generation, void (*done)(const char *message, void *arg),
                      void *arg);
/* The generation that L belongs to; raises unless it is loading when `what` is given. */
struct generation *generation_of(lua_State *L, const char *what);
/* For timer.every: takes the function at the top of the stack. */
void generation_add_timer(lua_State *L, const char *name, int64_t ms);

/* --- requests --- */

/* One request on its way through a task. Never given back to the system, so that a late look into a
 * request's table is recognised. */
struct exchange {
    uint64_t number; /* changes when the request is answered */
    struct httpd_request *request;
    struct generation *generation;
    enum log_level level;
    const char *pattern; /* NULL when no route was found. Of the router, so good until the answer */
    struct exchange *next;
};

/* httpd's on_request; arg is the server. */
void api_server_on_request(struct httpd_request *request, void *server);
/* Once in each state: what all requests' tables share. */
void api_server_view_open(lua_State *L);
/* Pushes the request's table. */
void api_server_push_view(lua_State *L, const struct exchange *exchange);

/* What a handler returned, read. Its texts are on the Lua stack. */
enum { REPLY_FIELDS = 32 };
struct sse_event;
struct reply {
    int status;
    const char *type; /* NULL: none is said */
    const char *body;
    size_t len;
    int cut;
    size_t promised; /* cut: how many bytes more than there are */
    int nfields;
    struct httpd_field fields[REPLY_FIELDS + 2]; /* and Content-Type, and the end */
    const char *channel;                         /* not NULL: a stream */
    const char *client;
    int64_t last_id;
    struct sse_event *events;
    int nevents;
};
/* In a protected call: reads the value at `index`, and leaves all that `reply` points to on the
 * stack; raises when it is no reply. */
void api_server_read_reply(lua_State *L, int index, struct reply *reply);
/* Answers; the request is dead then. */
void api_server_send(struct core *core, struct reply *reply, struct httpd_request *request);
/* Answers with a problem document in English, without any script. */
void api_server_plain_error(struct httpd_request *request, int status, const char *code,
                            const char *allow);

/* 1 when the value at `index` is what sse.subscribe gave; then it is read as api_server_read_reply
 * does. */
int api_sse_read_reply(lua_State *L, int index, struct reply *reply);
/* Reads config.lua's values for the C side from the table that core.config gave, at the top of the
 * stack. */
void api_config_read(lua_State *L, struct settings *settings);
#endif
