#include "store.h"
#include "mem.h"
#include "store_sql.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum { PROBE_SECONDS = 1 };

struct jobs {
    struct store_job *first, **end;
};

struct store {
    uintptr_t id;
    struct store *next_open;
    store_carry_fn *carry;
    void *carry_arg;
    int version, started; /* loop thread */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the four below */
    pthread_cond_t wake;
    struct jobs waiting, done;
    int carried; /* a call of deliver() is on its way */
    int closing;
    pthread_mutex_t sql_mutex; /* held while the connection is used */
    struct store_sql *sql;
    _Atomic(const char *) trouble;
    time_t probed; /* the writer's: when it last looked whether the trouble is over */
};

/* What is carried over to the loop names its store by number: it may come when the store is closed.
 * Loop thread. */
static struct store *open_stores;

static void jobs_init(struct jobs *jobs)
{
    jobs->first = NULL;
    jobs->end = &jobs->first;
}

static void jobs_add(struct jobs *jobs, struct store_job *list)
{
    *jobs->end = list;
    while (*jobs->end)
        jobs->end = &(*jobs->end)->next;
}

static struct store_job *jobs_take(struct jobs *jobs)
{
    struct store_job *list = jobs->first;
    jobs_init(jobs);
    return list;
}

/* On the loop */

static struct store_job *take_done(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    struct store_job *list = jobs_take(&store->done);
    store->carried = 0;
    pthread_mutex_unlock(&store->mutex);
    return list;
}

static int deliver(struct store *store)
{
    struct store_job *list = take_done(store);
    int any = list != NULL;
    while (list) {
        struct store_job *job = list;
        list = job->next;
        job->done(job->batch, job->arg); /* which frees the batch, and the job with it */
    }
    return any;
}

static void on_carried(void *id)
{
    struct store *store = open_stores;
    while (store && store->id != (uintptr_t)id)
        store = store->next_open;
    if (store) deliver(store);
}

/* On the thread */

static void hand_over(struct store *store, struct store_job *list)
{
    pthread_mutex_lock(&store->mutex);
    jobs_add(&store->done, list);
    int carry = !store->carried && !store->closing;
    if (carry) store->carried = 1;
    pthread_mutex_unlock(&store->mutex);
    if (carry) store->carry(store->carry_arg, on_carried, (void *)store->id);
}

/* With trouble, each second, however much there is to do. */
static int is_probe_due(struct store *store)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - store->probed < PROBE_SECONDS) return 0;
    store->probed = now.tv_sec;
    return 1;
}

static void run(struct store *store, struct store_job *list)
{
    const char *trouble = store->trouble;
    pthread_mutex_lock(&store->sql_mutex);
    if (trouble && is_probe_due(store)) trouble = store_sql_probe(store->sql);
    if (list) store_round(store->sql, list, &trouble);
    pthread_mutex_unlock(&store->sql_mutex);
    store->trouble = trouble;
}

/* Waits for jobs; with trouble, for a moment only. Returns 0 at the end. */
static int next_jobs(struct store *store, struct store_job **list)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PROBE_SECONDS;
    int rc = 0;
    pthread_mutex_lock(&store->mutex);
    while (!store->waiting.first && !store->closing && rc != ETIMEDOUT)
        rc = store->trouble ? pthread_cond_timedwait(&store->wake, &store->mutex, &until)
                            : pthread_cond_wait(&store->wake, &store->mutex);
    *list = jobs_take(&store->waiting);
    int end = store->closing && !*list;
    pthread_mutex_unlock(&store->mutex);
    return !end;
}

static void *writer(void *arg)
{
    struct store *store = arg;
    struct store_job *list;
    while (next_jobs(store, &list)) {
        run(store, list);
        if (list) hand_over(store, list);
    }
    return NULL;
}

/* Opening and closing */

/* Signals are the loop's, but for the one that says that a page of a file could not be had: it
 * strikes the thread that asked for it. */
static int start_thread(struct store *store)
{
    sigset_t all, before;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&store->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&store->mutex, NULL);
    pthread_mutex_init(&store->sql_mutex, NULL);
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&store->thread, NULL, writer, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void release(struct store *store)
{
    store_sql_close(store->sql);
    free(store);
}

/* What SQLite has once opened for reading alone stays so: then it is better not to start. Other
 * trouble passes, and is waited out. */
static int can_be_written(struct store *store, const char *path, char **message)
{
    store->trouble = store_sql_probe(store->sql);
    if (!store->trouble || strcmp(store->trouble, "readonly") != 0) return 1;
    *message = store_sentence("the journal %s cannot be written (it and the -wal and -shm beside "
                              "it must be this user's to write: look at "
                              "their owner, rights and attributes, and at the disk)",
                              path);
    return 0;
}

static int set_up(struct store *store, const char *path, char **message)
{
#ifdef TEST_HOOKS
    if (store_hooks_init() != 0) {
        *message = store_sentence("DEPLOYER_CRASH_AT must be N, N:before or N:after");
        return -1;
    }
#endif
    if (!(store->sql = store_sql_open(path, message))) return -1;
    store->version = store_sql_version(store->sql);
    if (!can_be_written(store, path, message)) return -1;
    int rc = start_thread(store);
    if (rc != 0) *message = store_sentence("cannot start the journal's thread: %s", strerror(rc));
    return rc == 0 ? 0 : -1;
}

struct store *store_open(const char *path, store_carry_fn *carry, void *carry_arg, char **message)
{
    static uintptr_t last_id;
    struct store *store = mem_new(1, sizeof *store);
    store->id = ++last_id;
    store->carry = carry;
    store->carry_arg = carry_arg;
    jobs_init(&store->waiting);
    jobs_init(&store->done);
    if (set_up(store, path, message) != 0) {
        release(store);
        return NULL;
    }
    store->next_open = open_stores;
    open_stores = store;
    return store;
}

static void forget(struct store *store)
{
    struct store **at = &open_stores;
    while (*at != store)
        at = &(*at)->next_open;
    *at = store->next_open;
}

void store_close(struct store *store)
{
    if (!store) return;
    pthread_mutex_lock(&store->mutex);
    store->closing = 1;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->thread, NULL);
    while (deliver(store))
        continue;
    forget(store);
    pthread_cond_destroy(&store->wake);
    pthread_mutex_destroy(&store->mutex);
    pthread_mutex_destroy(&store->sql_mutex);
    release(store);
}

int store_version(const struct store *store)
{
    return store->version;
}

int store_migrate(struct store *store, const char *const *migrations, int n, int oldest,
                  char **message)
{
    if (store->version == n || (store->version > n && store_sql_is_for(store->sql, n))) return 0;
    if (store->started) {
        *message = store_sentence("the schema is at %d and the scripts want %d: it changes at "
                                  "start only, start the portal anew",
                                  store->version, n);
        return -1;
    }
    pthread_mutex_lock(&store->sql_mutex);
    int rc = store_sql_migrate(store->sql, migrations, n, oldest, message);
    store->version = store_sql_version(store->sql);
    pthread_mutex_unlock(&store->sql_mutex);
    return rc;
}

void store_start(struct store *store, struct store_batch *batch, store_done_fn *done, void *arg)
{
    struct store_job *job = store_batch_take(batch, 1, sizeof *job);
    job->batch = batch;
    job->done = done;
    job->arg = arg;
    store_batch_asked(batch);
    store->started = 1;
    pthread_mutex_lock(&store->mutex);
    if (store->closing) store_batch_fail(batch, "closed", "the journal is closed");
    jobs_add(store->closing ? &store->done : &store->waiting, job);
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->mutex);
}

const char *store_trouble(struct store *store)
{
    return store->trouble;
}
