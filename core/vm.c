#include "vm.h"
#include "log.h"
#include "vm_library.h"
#include "vm_memory.h"

#include <ctype.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_BYTES = 64 << 20,
    DEFAULT_TURN_MS = 1000,
    IDLE_THREADS = 64,
    AGAIN_MS = 50,
    STUCK_MS = 5000
};

struct vm {
    struct vm_memory memory; /* first: the allocator's argument leads to the vm */
    lua_State *L;
    int refs;
    int max_turn_ms;
    int stopped;                      /* this turn has run too long */
    char stopped_at[LUA_IDSIZE + 16]; /* where that was seen first */
    void *context;
    int nidle;
    lua_State *idle[IDLE_THREADS]; /* coroutines that wait for work; the registry holds them */
};

/* The turn that runs now. Read by the alarm's handler, so each field is written whole. */
static struct {
    lua_State *volatile co;
    volatile int64_t deadline_ms, grace_ms;
    volatile int64_t overdue_ms; /* the thread's own time when the deadline was found to have
                                    passed; -1 before */
    volatile sig_atomic_t armed;
    timer_t timer;
    int made;
    void (*on_stuck)(void);
} turn;

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int on_panic(lua_State *L)
{
    log_stray(LOG_ERROR, "vm.panic",
              lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "(no message)");
    abort();
}

/* --- time --- */

/* "scripts/x.lua:3: " for the innermost line of a script, "" when there is none. */
static void find_place(lua_State *co, char *text, size_t room)
{
    lua_Debug frame;

    text[0] = '\0';
    for (int level = 0; lua_getstack(co, level, &frame); level++) {
        lua_getinfo(co, "Sl", &frame);
        if (frame.currentline <= 0) continue;
        snprintf(text, room, "%s:%d: ", frame.short_src, frame.currentline);
        return;
    }
}

/* Ends the turn: by a yield, which no pcall can catch; where that cannot be, by an error at this
 * and each further instruction. */
static void on_overrun(lua_State *L, lua_Debug *ar)
{
    struct vm *vm = vm_of(L);

    (void)ar;
    if (!vm->stopped) find_place(L, vm->stopped_at, sizeof vm->stopped_at);
    vm->stopped = 1;
    if (lua_isyieldable(L)) {
        lua_yield(L, 0);
        return;
    }
    lua_sethook(L, on_overrun, LUA_MASKCOUNT, 1);
    luaL_error(L, "the script ran longer than %d ms without waiting", vm->max_turn_ms);
}

static void arm(int64_t delay_ms)
{
    struct itimerspec when = { { 0, 0 }, { delay_ms / 1000, (delay_ms % 1000) * 1000000 } };

    if (delay_ms <= 0) when.it_value.tv_nsec = 1;
    timer_settime(turn.timer, 0, &when, NULL);
}

/* How long the turn may still run. Past the deadline it gets a little of the processor's own time,
 * so that a process which did not get the processor, or was asleep, is not taken for one that
 * loops. */
static int64_t time_left(void)
{
    int64_t left = turn.deadline_ms - now_ms(CLOCK_MONOTONIC_COARSE);

    if (left > 0) return left;
    int64_t own = now_ms(CLOCK_THREAD_CPUTIME_ID);
    if (turn.overdue_ms < 0) turn.overdue_ms = own;
    return turn.overdue_ms + turn.grace_ms - own;
}

/* A signal handler: lua_sethook() is made to be called from one. The alarm is not reset at each
 * turn but looks, when it rings, at what runs.
 */
static void on_alarm(int signo)
{
    (void)signo;
    if (!turn.co) {
        turn.armed = 0;
        return;
    }
    int64_t left = time_left();
    if (left < -STUCK_MS && turn.on_stuck) turn.on_stuck();
    if (left <= 0) {
        lua_sethook(turn.co, on_overrun, LUA_MASKCOUNT, 1);
        left = AGAIN_MS; /* the hook may have met a function that was just being called */
    }
    arm(left);
}

void vm_on_stuck(void (*fn)(void))
{
    turn.on_stuck = fn;
}

/* The alarm goes to this thread alone, so that no other has its calls interrupted. */
static void make_alarm(void)
{
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };

    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGALRM, &action, NULL) != 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &turn.timer) != 0) {
        log_stray(LOG_ERROR, "vm.no_alarm",
                  "the clock that stops runaway scripts cannot be made; see ulimit -i");
        abort();
    }
    turn.made = 1;
}

void vm_turn_begin(struct vm *vm, lua_State *co)
{
    if (!turn.made) make_alarm();
    vm->stopped = 0;
    vm->memory.capped = 1;
    turn.deadline_ms = now_ms(CLOCK_MONOTONIC_COARSE) +
                       vm->max_turn_ms; /* this clock is some ms late, and costs next to nothing */
    turn.grace_ms = vm->max_turn_ms / 4;
    turn.overdue_ms = -1;
    turn.co = co;
    if (!turn.armed) {
        turn.armed = 1;
        arm(vm->max_turn_ms);
    }
}

int vm_turn_end(struct vm *vm, lua_State *co)
{
    turn.co = NULL;
    vm->memory.capped = 0;
    if (lua_gethookmask(co)) lua_sethook(co, NULL, 0, 0);
    return vm->stopped;
}

const char *vm_stopped_at(const struct vm *vm)
{
    return vm->stopped_at;
}

int vm_turning(void)
{
    return turn.co != NULL;
}

void vm_turn_pause(struct vm *vm)
{
    vm->memory.capped = 0;
}

void vm_turn_continue(struct vm *vm)
{
    vm->memory.capped = turn.co && vm_of(turn.co) == vm;
}

/* --- life --- */

struct vm *vm_new(const struct vm_options *options)
{
    struct vm *vm = calloc(1, sizeof *vm);

    if (!vm) return NULL;
    vm_memory_init(&vm->memory, 0);
    vm->refs = 1;
    vm->context = options->context;
    vm_limit(vm, options->max_bytes ? options->max_bytes : DEFAULT_BYTES,
             options->max_turn_ms ? options->max_turn_ms : DEFAULT_TURN_MS);
    vm->L = lua_newstate(vm_memory_allocate, &vm->memory);
    if (!vm->L) {
        vm_memory_fini(&vm->memory);
        free(vm);
        return NULL;
    }
    lua_atpanic(vm->L, on_panic);
    memset(lua_getextraspace(vm->L), 0, LUA_EXTRASPACE); /* new threads copy it: no task yet */
    vm_library_open(vm->L, options->folder, options->modules);
    return vm;
}

void vm_ref(struct vm *vm)
{
    vm->refs++;
}

void vm_unref(struct vm *vm)
{
    if (!vm || --vm->refs > 0) return;
    lua_close(vm->L);
    vm_memory_fini(&vm->memory);
    free(vm);
}

void vm_limit(struct vm *vm, size_t max_bytes, int max_turn_ms)
{
    if (max_bytes) vm->memory.max_bytes = max_bytes;
    if (max_turn_ms) vm->max_turn_ms = max_turn_ms;
}

lua_State *vm_state(struct vm *vm)
{
    return vm->L;
}

/* The allocator's argument: reachable from every thread of the state, and quicker than the
 * registry. */
struct vm *vm_of(lua_State *L)
{
    void *memory;

    lua_getallocf(L, &memory);
    return memory;
}

void *vm_context(lua_State *L)
{
    return vm_of(L)->context;
}

size_t vm_bytes(const struct vm *vm)
{
    return vm->memory.bytes;
}

/* --- coroutines --- */

lua_State *vm_thread_take(struct vm *vm)
{
    if (vm->nidle > 0) return vm->idle[--vm->nidle];
    lua_State *co = lua_newthread(vm->L);
    lua_rawsetp(vm->L, LUA_REGISTRYINDEX, co);
    return co;
}

/* One that died inside a hook runs no hook ever again: it would be beyond the limit. One that came
 * to the end of the memory holds what a deep recursion took, and a collection in need, which is all
 * that others would come to, takes that from nobody. Either is left to the collector, at once: the
 * first may hold locks, the second leaves the others nothing. */
static void abandon(struct vm *vm, lua_State *co)
{
    vm->memory.refused = 0;
    lua_pushnil(vm->L);
    lua_rawsetp(vm->L, LUA_REGISTRYINDEX, co);
    lua_gc(vm->L, LUA_GCCOLLECT);
}

void vm_thread_give(struct vm *vm, lua_State *co)
{
    memset(lua_getextraspace(co), 0, LUA_EXTRASPACE);
    if (lua_status(co) > LUA_YIELD || vm->memory.refused) {
        abandon(vm, co);
        return;
    }
    lua_settop(co, 0);
    if (vm->nidle < IDLE_THREADS) {
        vm->idle[vm->nidle++] = co;
        return;
    }
    lua_pushnil(vm->L);
    lua_rawsetp(vm->L, LUA_REGISTRYINDEX, co);
}

int vm_thread_close(struct vm *vm, lua_State *co, int stopped)
{
    if (stopped && lua_status(co) > LUA_YIELD) return LUA_OK; /* it died inside the hook */
    vm_turn_begin(vm, co);
    int status = lua_resetthread(co);
    vm_turn_end(vm, co);
    return status;
}

/* --- running what may not wait --- */

/* "scripts/init.lua:12: no such thing" into its parts; a message of another shape is left whole. */
static void set_error(struct vm_error *error, const char *text)
{
    const char *end = strstr(text, ".lua:");
    size_t len = end ? (size_t)(end + 4 - text) : 0;

    memset(error, 0, sizeof *error);
    if (len > 0 && len < sizeof error->file && !memchr(text, ' ', len)) {
        memcpy(error->file, text, len);
        text += len + 1;
        if (isdigit((unsigned char)*text)) error->line = (int)strtol(text, (char **)&text, 10);
        text += strspn(text, ": ");
    }
    snprintf(error->message, sizeof error->message, "%.*s", (int)sizeof error->message - 1, text);
}

static void explain(const struct vm *vm, lua_State *co, int status, int stopped,
                    struct vm_error *error)
{
    char text[1280], place[LUA_IDSIZE + 16];
    const char *message = lua_type(co, -1) == LUA_TSTRING ? lua_tostring(co, -1) : NULL;

    find_place(co, place, sizeof place);
    if (stopped)
        snprintf(text, sizeof text, "%sthe script ran longer than %d ms without waiting",
                 vm->stopped_at, vm->max_turn_ms);
    else if (status == LUA_ERRMEM)
        snprintf(text, sizeof text, "%sthe scripts need more memory than they may have", place);
    else if (status == LUA_YIELD)
        snprintf(text, sizeof text, "%sa script may not wait while it loads", place);
    else
        snprintf(text, sizeof text, "%s",
                 message ? message : "an error that is no text was raised");
    set_error(error, text);
}

/* Runs the function and arguments on `co`; moves the results to the main state. */
static int run(struct vm *vm, lua_State *co, int nargs, struct vm_error *error)
{
    int nresults = 0;

    vm_turn_begin(vm, co);
    int status = lua_resume(co, NULL, nargs, &nresults);
    int stopped = vm_turn_end(vm, co);
    if (status == LUA_OK && !stopped) {
        luaL_checkstack(vm->L, nresults, NULL);
        lua_xmove(co, vm->L, nresults);
        vm_thread_give(vm, co);
        return 0;
    }
    explain(vm, co, status, stopped, error);
    vm_thread_close(vm, co, stopped);
    vm_thread_give(vm, co);
    return -1;
}

int vm_call(struct vm *vm, lua_CFunction fn, int nargs, struct vm_error *error)
{
    lua_State *co = vm_thread_take(vm);

    lua_pushcfunction(co, fn);
    lua_xmove(vm->L, co, nargs);
    return run(vm, co, nargs, error);
}

static int run_chunk(lua_State *L)
{
    vm_push_chunk(L, lua_tostring(L, 1), lua_tostring(L, 2));
    lua_call(L, 0, 0);
    return 0;
}

int vm_run_file(struct vm *vm, const char *file, struct vm_error *error)
{
    const char *folder, *shown;

    lua_getfield(vm->L, LUA_REGISTRYINDEX, "vm.folder");
    folder = lua_tostring(vm->L, -1);
    shown = strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder;
    lua_pushfstring(vm->L, "%s/%s", folder, file);
    lua_pushfstring(vm->L, "%s/%s", shown, file);
    int failed = vm_call(vm, run_chunk, 2, error);
    lua_pop(vm->L, 1);
    return failed;
}
