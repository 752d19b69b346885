#include "vm.h"
#include "bundle.h"
#include "log.h"
#include "mem.h"

#include <ctype.h>
#include <lauxlib.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

enum {
    DEFAULT_BYTES = 64 << 20,
    DEFAULT_TURN_MS = 1000,
    MAX_IDLE_THREADS = 64,
    ALARM_RETRY_MS = 50,
    STUCK_MS = 5000,
    BLOCK_STEP = 16, /* sizes are rounded up to multiples of this */
    MAX_BLOCK = 256
};

/* The sanitizer sees more when every block is malloc's. */
#ifdef __SANITIZE_ADDRESS__
enum { POOL_BYTES = 0 };
#else
enum { POOL_BYTES = 16 << 20 };
#endif

struct vm {
    lua_State *L;
    int refs;
    void *context;
    struct bundle *site;
    size_t bytes, max_bytes;
    int is_capped;
    int has_run_out; /* an allocation was refused under the cap */
    char *pool;
    size_t pool_used;
    void *free_blocks[MAX_BLOCK / BLOCK_STEP + 1]; /* by size */
    int max_turn_ms;
    int is_stopped;                   /* this turn has run too long */
    char stopped_at[LUA_IDSIZE + 16]; /* where that was noticed first */
    int nidle;
    /* Ended coroutines, ready for use: 2.5 us less of the 12 of a minimal request. */
    lua_State *idle[MAX_IDLE_THREADS];
};

/* The current turn. The alarm's handler reads it, so each field is written in one store. */
static struct {
    lua_State *volatile co; /* NULL outside of a turn */
    volatile int64_t deadline_ms, grace_ms;
    volatile int64_t overdue_ms; /* processor time when the deadline was found to have passed, or
                                    -1 */
    volatile sig_atomic_t is_armed;
    timer_t timer;
    int has_timer;
    void (*on_stuck)(const struct bundle *site);
} turn;

/* --- memory --- */

/* Lua makes and drops many small blocks, and says how large a block is that it drops. So they come
 * from free lists, one for each size, cut from one mapping that is unmapped with the state. Against
 * plain malloc: 0.3 MB less when idle, and 17.0 us for /api/check instead of 18.0. */

static void **free_list(struct vm *vm, size_t size)
{
    return &vm->free_blocks[(size + BLOCK_STEP - 1) / BLOCK_STEP];
}

/* NULL when the block is too large or the pool is used up. */
static void *pool_take(struct vm *vm, size_t size)
{
    size_t rounded = (size + BLOCK_STEP - 1) / BLOCK_STEP * BLOCK_STEP;
    void **list = size <= MAX_BLOCK ? free_list(vm, size) : NULL;
    if (!list || (!*list && vm->pool_used + rounded > POOL_BYTES)) return NULL;
    void *block = *list;
    if (block) {
        memcpy(list, block, sizeof *list); /* a free block begins with the address of the next */
        return block;
    }
    vm->pool_used += rounded;
    return vm->pool + vm->pool_used - rounded;
}

static int is_pooled(const struct vm *vm, const char *block)
{
    return vm->pool && block >= vm->pool && block < vm->pool + POOL_BYTES;
}

static void release(struct vm *vm, void *block, size_t size)
{
    if (!is_pooled(vm, block)) {
        free(block);
        return;
    }
    void **list = free_list(vm, size);
    memcpy(block, list, sizeof *list);
    *list = block;
}

static void *resize(struct vm *vm, void *block, size_t old_size, size_t size)
{
    if (block && !is_pooled(vm, block)) return realloc(block, size);
    if (block && size <= MAX_BLOCK && free_list(vm, size) == free_list(vm, old_size)) return block;
    void *moved = pool_take(vm, size);
    if (!moved) moved = malloc(size);
    if (!moved || !block) return moved;
    memcpy(moved, block, size < old_size ? size : old_size);
    release(vm, block, old_size);
    return moved;
}

/* A lua_Alloc. */
static void *allocate(void *ud, void *block, size_t old_size, size_t size)
{
    struct vm *vm = ud;
    if (!block) old_size = 0; /* for a new block Lua passes its type here */
    if (size == 0) {
        if (block) release(vm, block, old_size);
        vm->bytes -= old_size;
        return NULL;
    }
    if (vm->is_capped && size > old_size && vm->bytes + (size - old_size) > vm->max_bytes) {
        vm->has_run_out = 1;
        return NULL;
    }
    void *moved = resize(vm, block, old_size, size);
    if (moved) vm->bytes += size - old_size;
    return moved;
}

static int on_panic(lua_State *L)
{
    log_stray(LOG_ERROR, "vm.panic",
              lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "(no message)");
    abort();
}

/* --- time --- */

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "scripts/x.lua:3: " for the innermost line of a script, "" when there is none. */
static void find_position(lua_State *co, char *text, size_t room)
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

/* Ends the turn: by a yield, which pcall does not catch; where Lua cannot yield, by an error at
 * this and each further instruction. */
static void on_overrun(lua_State *L, lua_Debug *ar)
{
    struct vm *vm = vm_of(L);
    if (!vm->is_stopped) find_position(L, vm->stopped_at, sizeof vm->stopped_at);
    vm->is_stopped = 1;
    if (lua_isyieldable(L)) {
        lua_yield(L, 0);
        return;
    }
    lua_sethook(L, on_overrun, LUA_MASKCOUNT, 1);
    luaL_error(L, "the script ran longer than %d ms without waiting", vm->max_turn_ms);
}

/* xpcall's message handler around the script's. The limit's hook raises where Lua cannot yield, as
 * in a handler; Lua then calls the handler for that error, too, with hooks off, so that one that
 * loops would never end. */
static int handle_error(lua_State *L)
{
    if (vm_of(L)->is_stopped) return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int finish_xpcall(lua_State *L, int status, lua_KContext nbelow)
{
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)nbelow;
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* xpcall(fn, handler, ...) */
static int protected_call(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle_error, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1); /* the first result */
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2); /* below the arguments */
    int status = lua_pcallk(L, lua_gettop(L) - 4, LUA_MULTRET, 2, 2, finish_xpcall);
    return finish_xpcall(L, status, 2);
}

static void arm_alarm(int64_t delay_ms)
{
    struct itimerspec when = { { 0, 0 }, { delay_ms / 1000, (delay_ms % 1000) * 1000000 } };
    if (delay_ms <= 0) when.it_value.tv_nsec = 1;
    timer_settime(turn.timer, 0, &when, NULL);
}

/* How long the turn may still run. After the deadline it gets a grace of processor time, so that a
 * process that was starved or suspended is not mistaken for one that loops. */
static int64_t time_left_ms(void)
{
    int64_t left_ms = turn.deadline_ms - now_ms(CLOCK_MONOTONIC_COARSE);
    if (left_ms > 0) return left_ms;
    int64_t used_ms = now_ms(CLOCK_THREAD_CPUTIME_ID);
    if (turn.overdue_ms < 0) turn.overdue_ms = used_ms;
    return turn.overdue_ms + turn.grace_ms - used_ms;
}

/* The installation's own files, if one of their functions is running. In a signal handler, while a
 * C function runs: what is read here does not change meanwhile. */
static const struct bundle *running_site(lua_State *co)
{
    lua_Debug frame;
    for (int level = 0; lua_getstack(co, level, &frame); level++) {
        lua_getinfo(co, "S", &frame);
        if (strncmp(frame.source, "@site/", 6) == 0) return vm_of(co)->site;
    }
    return NULL;
}

/* A signal handler; lua_sethook() may be called from one. The alarm is not set for each turn: when
 * it rings it looks at the current one, if any. */
static void on_alarm(int signo)
{
    if (!turn.co) {
        turn.is_armed = 0;
        return;
    }
    int64_t left_ms = time_left_ms();
    if (left_ms < -STUCK_MS && turn.on_stuck) turn.on_stuck(running_site(turn.co));
    if (left_ms <= 0) {
        lua_sethook(turn.co, on_overrun, LUA_MASKCOUNT, 1);
        left_ms = ALARM_RETRY_MS; /* a function call in progress may have overwritten the hook */
    }
    arm_alarm(left_ms);
}

void vm_on_stuck(void (*fn)(const struct bundle *site))
{
    turn.on_stuck = fn;
}

/* The signal goes to this thread alone, so that it interrupts no system call of another. */
static void make_alarm(void)
{
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGALRM, &action, NULL) != 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &turn.timer) != 0) {
        log_stray(LOG_ERROR, "vm.no_alarm",
                  "the timer that stops runaway scripts cannot be created; see ulimit -i");
        abort();
    }
    turn.has_timer = 1;
}

void vm_turn_begin(struct vm *vm, lua_State *co)
{
    if (!turn.has_timer) make_alarm();
    vm->is_stopped = 0;
    vm->is_capped = 1;
    turn.deadline_ms = now_ms(CLOCK_MONOTONIC_COARSE) + vm->max_turn_ms;
    turn.grace_ms = vm->max_turn_ms / 4;
    turn.overdue_ms = -1;
    turn.co = co;
    if (!turn.is_armed) {
        turn.is_armed = 1;
        arm_alarm(vm->max_turn_ms);
    }
}

int vm_turn_end(struct vm *vm, lua_State *co)
{
    turn.co = NULL;
    vm->is_capped = 0;
    if (lua_gethookmask(co)) lua_sethook(co, NULL, 0, 0);
    return vm->is_stopped;
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
    vm->is_capped = 0;
}

void vm_turn_continue(struct vm *vm)
{
    vm->is_capped = turn.co && vm_of(turn.co) == vm;
}

/* --- life --- */

/* Takes memory only as it is used, so without huge pages. */
static char *map_pool(void)
{
    if (POOL_BYTES == 0) return NULL;
    void *pool = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pool == MAP_FAILED) mem_must(NULL);
    madvise(pool, POOL_BYTES, MADV_NOHUGEPAGE);
    return pool;
}

struct vm *vm_new(const struct vm_options *options)
{
    struct vm *vm = mem_new(1, sizeof *vm);
    vm->refs = 1;
    vm->context = options->context;
    vm->site = options->site;
    if (vm->site) bundle_ref(vm->site);
    vm->pool = map_pool();
    vm_limit(vm, options->max_bytes ? options->max_bytes : DEFAULT_BYTES,
             options->max_turn_ms ? options->max_turn_ms : DEFAULT_TURN_MS);
    vm->L = mem_must(lua_newstate(allocate, vm));
    lua_atpanic(vm->L, on_panic);
    memset(lua_getextraspace(vm->L), 0, LUA_EXTRASPACE); /* copied to new threads: no task */
    vm_library_open(vm->L, options->folder, options->modules, options->site);
    lua_register(vm->L, "xpcall", protected_call);
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
    if (POOL_BYTES > 0) munmap(vm->pool, POOL_BYTES);
    bundle_unref(vm->site);
    free(vm);
}

void vm_limit(struct vm *vm, size_t max_bytes, int max_turn_ms)
{
    if (max_bytes) vm->max_bytes = max_bytes;
    if (max_turn_ms) vm->max_turn_ms = max_turn_ms;
}

lua_State *vm_state(struct vm *vm)
{
    return vm->L;
}

struct vm *vm_of(lua_State *L)
{
    void *vm;
    lua_getallocf(L, &vm);
    return vm;
}

void *vm_context(lua_State *L)
{
    return vm_of(L)->context;
}

size_t vm_bytes(const struct vm *vm)
{
    return vm->bytes;
}

/* --- coroutines --- */

lua_State *vm_thread_new(struct vm *vm)
{
    if (vm->nidle > 0) return vm->idle[--vm->nidle];
    lua_State *co = lua_newthread(vm->L);
    lua_rawsetp(vm->L, LUA_REGISTRYINDEX, co);
    return co;
}

void vm_thread_free(struct vm *vm, lua_State *co, int may_reuse)
{
    /* A coroutine that died inside a hook never runs a hook again, so it would escape the limit.
     * One that ran out of memory may hold a huge stack. Both are collected at once: the first may
     * hold locks, the second leaves no memory for others. One that was closed inside an xpcall
     * would call its message handler at the next error: lua_resetthread() keeps it before 5.4.5. */
    int is_damaged = lua_status(co) > LUA_YIELD || vm->has_run_out;
    memset(lua_getextraspace(co), 0, LUA_EXTRASPACE);
    if (may_reuse && !is_damaged && vm->nidle < MAX_IDLE_THREADS) {
        lua_settop(co, 0);
        vm->idle[vm->nidle++] = co;
        return;
    }
    lua_pushnil(vm->L);
    lua_rawsetp(vm->L, LUA_REGISTRYINDEX, co);
    vm->has_run_out = 0;
    if (is_damaged) lua_gc(vm->L, LUA_GCCOLLECT);
}

int vm_thread_close(struct vm *vm, lua_State *co, int is_stopped)
{
    if (is_stopped && lua_status(co) > LUA_YIELD) return LUA_OK; /* died inside the hook */
    vm_turn_begin(vm, co);
    int status = lua_resetthread(co);
    vm_turn_end(vm, co);
    return status;
}

/* --- running what may not wait --- */

/* Splits "scripts/init.lua:12: message"; a text of another form becomes the message. */
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

static void explain(const struct vm *vm, lua_State *co, int status, struct vm_error *error)
{
    char text[1280], position[LUA_IDSIZE + 16];
    const char *message = lua_type(co, -1) == LUA_TSTRING ? lua_tostring(co, -1) : NULL;
    find_position(co, position, sizeof position);
    if (vm->is_stopped)
        snprintf(text, sizeof text, "%sthe script ran longer than %d ms without waiting",
                 vm->stopped_at, vm->max_turn_ms);
    else if (status == LUA_ERRMEM)
        snprintf(text, sizeof text, "%sthe scripts need more memory than they may have", position);
    else if (status == LUA_YIELD)
        snprintf(text, sizeof text, "%sa script may not wait while it loads", position);
    else
        snprintf(text, sizeof text, "%s", message ? message : "the error value is not a string");
    set_error(error, text);
}

int vm_call(struct vm *vm, lua_CFunction fn, int nargs, struct vm_error *error)
{
    lua_State *co = vm_thread_new(vm);
    int nresults = 0;
    lua_pushcfunction(co, fn);
    lua_xmove(vm->L, co, nargs);
    vm_turn_begin(vm, co);
    int status = lua_resume(co, NULL, nargs, &nresults);
    int is_stopped = vm_turn_end(vm, co), is_good = status == LUA_OK && !is_stopped;
    if (is_good) {
        luaL_checkstack(vm->L, nresults, NULL);
        lua_xmove(co, vm->L, nresults);
    } else {
        explain(vm, co, status, error);
        vm_thread_close(vm, co, is_stopped);
    }
    vm_thread_free(vm, co, is_good);
    return is_good ? 0 : -1;
}

static int run_chunk(lua_State *L)
{
    const char *shown = vm_push_path(L, lua_tostring(L, 1));
    vm_push_chunk(L, lua_tostring(L, -1), shown);
    lua_call(L, 0, 0);
    return 0;
}

int vm_run_file(struct vm *vm, const char *file, struct vm_error *error)
{
    lua_pushstring(vm->L, file);
    return vm_call(vm, run_chunk, 1, error);
}
