#include "store.h"
#include "clock.h"
#include "mem.h"
#include "store_sql.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum { PROBE_SECONDS = 1 };

struct queue {
    struct store_batch *first, *last;
};

struct store {
    uintptr_t id;
    struct store *next_open;
    store_carry_fn *carry;
    void *carry_arg;
    int version, has_started; /* the caller's thread */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the four below */
    pthread_cond_t wake;
    struct queue waiting, finished;
    int is_carried; /* a call of deliver() is on its way */
    int is_closing;
    pthread_mutex_t sql_mutex; /* held while the connection is used */
    struct store_sql *sql;
    _Atomic(const char *) trouble;
    int64_t probed_ms; /* the store's thread: when it last tried to write during trouble */
};

/* A call carried to the caller's thread names its store by number, because it may arrive after the
 * store was closed. The caller's thread. */
static struct store *open_stores;

static void queue_add(struct queue *queue, struct store_batch *list)
{
    struct store_batch **end = queue->first ? &queue->last->next : &queue->first;
    for (*end = list; *end; end = &(*end)->next)
        queue->last = *end;
}

static struct store_batch *queue_take(struct queue *queue)
{
    struct store_batch *list = queue->first;
    queue->first = NULL;
    return list;
}

/* --- the caller's thread --- */

/* Calls the callbacks of finished batches; returns whether there were any. */
static int deliver(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    struct store_batch *list = queue_take(&store->finished);
    store->is_carried = 0;
    pthread_mutex_unlock(&store->mutex);
    int has_any = list != NULL;
    while (list) {
        struct store_batch *batch = list;
        list = batch->next;
        batch->done(batch, batch->arg);
    }
    return has_any;
}

static void on_carried(void *id)
{
    struct store *store = open_stores;
    while (store && store->id != (uintptr_t)id)
        store = store->next_open;
    if (store) deliver(store);
}

/* --- the store's thread --- */

static void hand_over(struct store *store, struct store_batch *list)
{
    pthread_mutex_lock(&store->mutex);
    queue_add(&store->finished, list);
    int must_carry = !store->is_carried && !store->is_closing;
    if (must_carry) store->is_carried = 1;
    pthread_mutex_unlock(&store->mutex);
    if (must_carry) store->carry(store->carry_arg, on_carried, (void *)store->id);
}

static int is_probe_due(struct store *store)
{
    int64_t now_ms = clock_real_ms();
    if (now_ms - store->probed_ms < PROBE_SECONDS * 1000) return 0;
    store->probed_ms = now_ms;
    return 1;
}

static void run(struct store *store, struct store_batch *list)
{
    const char *trouble = store->trouble;
    pthread_mutex_lock(&store->sql_mutex);
    if (trouble && is_probe_due(store)) trouble = store_sql_probe(store->sql);
    if (list) store_round(store->sql, list, &trouble);
    pthread_mutex_unlock(&store->sql_mutex);
    store->trouble = trouble;
}

/* Waits for batches; during trouble for a second at most. Returns 0 when the store is closed. */
static int wait_for_batches(struct store *store, struct store_batch **list)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PROBE_SECONDS;
    int rc = 0;
    pthread_mutex_lock(&store->mutex);
    while (!store->waiting.first && !store->is_closing && rc != ETIMEDOUT)
        rc = store->trouble ? pthread_cond_timedwait(&store->wake, &store->mutex, &until)
                            : pthread_cond_wait(&store->wake, &store->mutex);
    *list = queue_take(&store->waiting);
    int is_end = store->is_closing && !*list;
    pthread_mutex_unlock(&store->mutex);
    return !is_end;
}

static void *write_batches(void *arg)
{
    struct store *store = arg;
    struct store_batch *list;
    while (wait_for_batches(store, &list)) {
        run(store, list);
        if (list) hand_over(store, list);
    }
    return NULL;
}

/* --- opening and closing --- */

/* All signals are blocked in the thread (the loop handles them) except SIGBUS, which is delivered
 * to the thread whose access to a mapped file failed. */
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
    int rc = pthread_create(&store->thread, NULL, write_batches, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* SQLite keeps a connection read-only that could only be opened so, hence it is better not to
 * start. Other trouble passes and is waited out. */
static int can_be_written(struct store *store, const char *path, char **message)
{
    store->trouble = store_sql_probe(store->sql);
    if (!store->trouble || strcmp(store->trouble, "readonly") != 0) return 1;
    *message = mem_printf("the journal %s cannot be written (it and the -wal and -shm beside it "
                          "must be this user's to write: look at their owner, rights and "
                          "attributes, and at the disk)",
                          path);
    return 0;
}

static int set_up(struct store *store, const char *path, char **message)
{
    if (store_round_init(message) != 0) return -1;
    store->sql = store_sql_open(path, message);
    if (!store->sql) return -1;
    store->version = store_sql_version(store->sql);
    if (!can_be_written(store, path, message)) return -1;
    int rc = start_thread(store);
    if (rc != 0) *message = mem_printf("cannot start the journal's thread: %s", strerror(rc));
    return rc == 0 ? 0 : -1;
}

struct store *store_open(const char *path, store_carry_fn *carry, void *carry_arg, char **message)
{
    static uintptr_t last_id;
    struct store *store = mem_new(1, sizeof *store);
    *store = (struct store){ .id = ++last_id, .carry = carry, .carry_arg = carry_arg };
    if (set_up(store, path, message) != 0) {
        store_sql_close(store->sql);
        free(store);
        return NULL;
    }
    store->next_open = open_stores;
    open_stores = store;
    return store;
}

static void remove_from_open(struct store *store)
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
    store->is_closing = 1;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->thread, NULL);
    while (deliver(store))
        continue;
    remove_from_open(store);
    pthread_cond_destroy(&store->wake);
    pthread_mutex_destroy(&store->mutex);
    pthread_mutex_destroy(&store->sql_mutex);
    store_sql_close(store->sql);
    free(store);
}

/* --- using it --- */

int store_version(const struct store *store)
{
    return store->version;
}

int store_migrate(struct store *store, const char *const *migrations, int count, int oldest,
                  char **message)
{
    if (store->version == count) return 0;
    if (store->version > count && store_sql_supports(store->sql, count)) return 0;
    if (store->has_started) {
        *message = mem_printf("the schema is at %d and the scripts need %d: it only changes at "
                              "start, restart the portal",
                              store->version, count);
        return -1;
    }
    pthread_mutex_lock(&store->sql_mutex);
    int rc = store_sql_migrate(store->sql, migrations, count, oldest, message);
    store->version = store_sql_version(store->sql);
    pthread_mutex_unlock(&store->sql_mutex);
    return rc;
}

void store_start(struct store *store, struct store_batch *batch, store_done_fn *done, void *arg)
{
    batch->done = done;
    batch->arg = arg;
    batch->next = NULL;
    store->has_started = 1;
    pthread_mutex_lock(&store->mutex);
    if (store->is_closing) store_batch_fail(batch, "closed", "the journal is closed");
    queue_add(store->is_closing ? &store->finished : &store->waiting, batch);
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->mutex);
}

const char *store_trouble(struct store *store)
{
    return store->trouble;
}
