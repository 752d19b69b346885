/* api_task: what the two files of core.task share. */
#ifndef API_TASK_H
#define API_TASK_H
#include "task.h"

/* The arguments of a task_done_fn. */
struct api_task_end {
    enum task_outcome outcome;
    lua_State *co;
    int nresults;
    const char *message;
};

/* Pushes what the task returned, or nil, message, code; returns how many. */
int api_task_push_end(lua_State *to, const struct api_task_end *end);
/* Pushes the same as one table {n = count, ...}. */
void api_task_push_packed(lua_State *L, const struct api_task_end *end);

int api_task_spawn(lua_State *L);
void api_task_handle_open(lua_State *L);
#endif
