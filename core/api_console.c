/* core.console, for the programs in scripts/commands: see scripts/meta/console.lua. */
#include "api.h"
#include "loop.h"
#include "mem.h"
#include "task.h"

#include <errno.h>
#include <lauxlib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Replaces control bytes, which could steer the terminal, because some texts are another server's.
 */
static int print(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    for (size_t i = 0; i < len; i++) {
        int is_control = (unsigned char)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t';
        putchar(is_control ? '?' : text[i]);
    }
    putchar('\n');
    fflush(stdout);
    return 0;
}

/* `free`: what this user may use; `mounted`: the folder is on another file system than the root. */
static int disk(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct statvfs room;
    struct stat folder, root;
    if (statvfs(path, &room) != 0 || stat(path, &folder) != 0 || stat("/", &root) != 0)
        return api_fail(L, "not_found", "%s: %s", path, strerror(errno));
    lua_createtable(L, 0, 4);
    api_set_number(L, "free", (lua_Number)room.f_bavail * (lua_Number)room.f_frsize);
    api_set_number(L, "total", (lua_Number)room.f_blocks * (lua_Number)room.f_frsize);
    api_set_flag(L, "mounted", folder.st_dev != root.st_dev);
    api_set_flag(L, "writable", access(path, W_OK) == 0);
    return 1;
}

/* --- the standard input --- */

struct reading {
    struct loop_watch *readable;
    struct task_ticket ticket;
};

static void cancel_reading(void *arg)
{
    struct reading *reading = arg;
    loop_watch_free(reading->readable);
    free(reading);
}

static int push_line(lua_State *L, void *unused)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len = getline(&line, &room, stdin);
    if (len > 0) lua_pushlstring(L, line, (size_t)len - (line[len - 1] == '\n'));
    free(line);
    return len > 0;
}

static void on_readable(int events, void *arg)
{
    struct task_ticket ticket = ((struct reading *)arg)->ticket;
    cancel_reading(arg);
    task_wake(ticket, push_line, NULL);
}

/* Waits on the loop, which handles Ctrl-C meanwhile. */
static int read_line(lua_State *L)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    task_check_wait(L);
    setvbuf(stdin, NULL, _IONBF, 0); /* no line waits where poll() does not see it */
    /* A regular file is always ready, and the loop cannot watch one. */
    if (poll(&input, 1, 0) != 0) return push_line(L, NULL);
    struct reading *reading = mem_new(1, sizeof *reading);
    reading->readable =
        loop_watch_io(api_core(L)->loop, STDIN_FILENO, LOOP_READ, on_readable, reading);
    return task_wait(L, &reading->ticket, cancel_reading, reading);
}

/* --- evaluating --- */

/* true and the results of the chunk; or false and the error. */
static int return_evaluated(lua_State *L, int status, lua_KContext unused)
{
    (void)unused;
    lua_pushboolean(L, status == LUA_OK || status == LUA_YIELD);
    lua_replace(L, 1);
    return lua_gettop(L);
}

/* An expression, or else statements. Only for commands: the portal itself runs no text. */
static int eval(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    if (api_core(L)->httpd) return luaL_error(L, "console.eval: only in a command");
    lua_settop(L, 1);
    const char *expression = lua_pushfstring(L, "return %s", text);
    int status = luaL_loadbufferx(L, expression, strlen(expression), "=console", "t");
    if (status != LUA_OK) {
        lua_settop(L, 2);
        status = luaL_loadbufferx(L, text, len, "=console", "t");
    }
    lua_replace(L, 2);
    lua_settop(L, 2);
    if (status == LUA_OK) status = lua_pcallk(L, 0, LUA_MULTRET, 0, 0, return_evaluated);
    return return_evaluated(L, status, 0);
}

int api_console_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "print", print }, { "read", read_line },
                                          { "eval", eval },   { "env", api_env },
                                          { "disk", disk },   { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
