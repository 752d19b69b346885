#include "child.h"
#include "bytes.h"
#include "clock.h"
#include "env.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NICE = 5 };

struct stream {
    int fd; /* -1 once it has ended */
    struct loop_watch *watch;
    struct bytes bytes;
};

struct child {
    struct loop *loop;
    loop_fn *changed;
    void *arg;
    pid_t pid;
    int pidfd;
    struct loop_watch *end;
    struct loop_timer *deadline;
    struct stream out, err;
    size_t taken; /* bytes of `out` that were taken as lines */
    char *input;
    size_t input_len, input_sent;
    int in;
    struct loop_watch *writable;
    int is_reaped, status, was_late;
};

/* --- its streams --- */

static void stream_close(struct stream *stream)
{
    loop_watch_free(stream->watch);
    stream->watch = NULL;
    if (stream->fd >= 0) close(stream->fd);
    stream->fd = -1;
}

static void stop_input(struct child *child)
{
    loop_watch_free(child->writable);
    child->writable = NULL;
    if (child->in >= 0) close(child->in);
    child->in = -1;
    free(child->input);
    child->input = NULL;
}

static void on_writable(int events, void *arg)
{
    struct child *child = arg;
    ssize_t n =
        write(child->in, child->input + child->input_sent, child->input_len - child->input_sent);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) child->input_sent += (size_t)n;
    if (n < 0 || child->input_sent == child->input_len) stop_input(child);
}

static void read_stream(struct child *child, struct stream *stream)
{
    char buffer[16384];
    ssize_t n = read(stream->fd, buffer, sizeof buffer);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0)
        stream_close(stream);
    else if (stream->bytes.len + (size_t)n > CHILD_OUTPUT)
        child_kill(child);
    else
        bytes_add(&stream->bytes, buffer, (size_t)n);
    child->changed(child->arg);
}

static void on_output(int events, void *arg)
{
    struct child *child = arg;
    read_stream(child, &child->out);
}

static void on_errors(int events, void *arg)
{
    struct child *child = arg;
    read_stream(child, &child->err);
}

/* --- its end --- */

static void on_end(int events, void *arg)
{
    struct child *child = arg;
    int status;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid) return;
    child->is_reaped = 1;
    child->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    loop_watch_free(child->end);
    child->end = NULL;
    loop_timer_free(child->deadline);
    child->deadline = NULL;
    stop_input(child);
    child->changed(child->arg);
}

static void on_deadline(void *arg)
{
    struct child *child = arg;
    child->was_late = 1;
    child_kill(child);
}

/* --- its start --- */

/* Three pipes; the child's ends are closed in this process once it runs. */
static int open_pipes(int pipes[3][2])
{
    for (int i = 0; i < 3; i++)
        if (pipe2(pipes[i], O_CLOEXEC) != 0) return -1;
    fcntl(pipes[0][1], F_SETFL, O_NONBLOCK);
    fcntl(pipes[1][0], F_SETFL, O_NONBLOCK);
    fcntl(pipes[2][0], F_SETFL, O_NONBLOCK);
    return 0;
}

static void close_pair(int pair[2])
{
    if (pair[0] >= 0) close(pair[0]);
    if (pair[1] >= 0) close(pair[1]);
}

/* Returns 0 or an errno. */
static int spawn(pid_t *pid, const struct child_options *options, int pipes[3][2])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    size_t count = 0;
    while (options->arguments[count])
        count++;
    char **argv = mem_new(count + 2, sizeof *argv), **env = env_for_child(options->environment);
    argv[0] = (char *)(uintptr_t) "deployer";
    memcpy(argv + 1, options->arguments, count * sizeof *argv);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[0][0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes[1][1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes[2][1], STDERR_FILENO);
    if (options->fd >= 0) posix_spawn_file_actions_adddup2(&actions, options->fd, CHILD_FD);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int error = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(env);
    free(argv);
    return error;
}

static void watch_all(struct child *child, const struct child_options *options)
{
    struct loop *loop = child->loop;
    child->end = loop_watch_io(loop, child->pidfd, LOOP_READ, on_end, child);
    child->out.watch = loop_watch_io(loop, child->out.fd, LOOP_READ, on_output, child);
    child->err.watch = loop_watch_io(loop, child->err.fd, LOOP_READ, on_errors, child);
    child->deadline =
        loop_timer_new(loop, clock_from_real_ms(options->timeout_ms), 0, on_deadline, child);
    child->input = mem_copy(options->input, options->input_len);
    child->input_len = options->input_len;
    if (options->input_len == 0 && !options->is_ahead)
        stop_input(child);
    else if (options->input_len > 0)
        child->writable = loop_watch_io(loop, child->in, LOOP_WRITE, on_writable, child);
}

struct child *child_start(struct loop *loop, const struct child_options *options, loop_fn *changed,
                          void *arg)
{
    int pipes[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
    pid_t pid;
    int error = open_pipes(pipes) == 0 ? spawn(&pid, options, pipes) : errno, pidfd = -1;
    if (error == 0 && (pidfd = pidfd_open(pid, 0)) < 0) { /* nobody would see its end */
        error = errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    if (error != 0) {
        for (int i = 0; i < 3; i++)
            close_pair(pipes[i]);
        errno = error;
        return NULL;
    }
    close(pipes[0][0]);
    close(pipes[1][1]);
    close(pipes[2][1]);
    setpriority(PRIO_PROCESS, (id_t)pid, NICE); /* answers come first */
    if (options->max_bytes) {
        struct rlimit limit = { options->max_bytes, options->max_bytes };
        prlimit(pid, RLIMIT_AS, &limit, NULL);
    }
    struct child *child = mem_new(1, sizeof *child);
    *child = (struct child){ .loop = loop, .changed = changed, .arg = arg, .pid = pid };
    child->pidfd = pidfd;
    child->in = pipes[0][1];
    child->out.fd = pipes[1][0];
    child->err.fd = pipes[2][0];
    watch_all(child, options);
    return child;
}

int child_go(struct child *child, int64_t timeout_ms, loop_fn *changed, void *arg)
{
    if (child->is_reaped || child->was_late) return -1;
    child->changed = changed;
    child->arg = arg;
    loop_timer_free(child->deadline);
    child->deadline =
        loop_timer_new(child->loop, clock_from_real_ms(timeout_ms), 0, on_deadline, child);
    stop_input(child);
    return 0;
}

int child_follow_parent(void)
{
    const char *parent = env_get("DEPLOYER_PARENT");
    if (!parent) return 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return getppid() == (pid_t)atoi(parent) ? 0 : -1; /* it may have ended before that */
}

void child_kill(struct child *child)
{
    if (!child->is_reaped) kill(child->pid, SIGKILL);
}

void child_free(struct child *child)
{
    if (!child) return;
    child_kill(child);
    if (!child->is_reaped) waitpid(child->pid, NULL, 0); /* at once: it was killed */
    loop_watch_free(child->end);
    loop_timer_free(child->deadline);
    close(child->pidfd);
    stop_input(child);
    stream_close(&child->out);
    stream_close(&child->err);
    bytes_free(&child->out.bytes);
    bytes_free(&child->err.bytes);
    free(child);
}

/* --- what it says --- */

const char *child_peek(const struct child *child, size_t *len)
{
    const struct bytes *out = &child->out.bytes;
    if (child->taken == out->len) return NULL;
    const char *line = out->data + child->taken, *end = memchr(line, '\n', out->len - child->taken);
    if (!end && child->out.fd >= 0) return NULL;
    *len = end ? (size_t)(end - line) : out->len - child->taken;
    return line;
}

const char *child_line(struct child *child, size_t *len)
{
    const char *line = child_peek(child, len);
    if (line) child->taken += *len + 1;
    if (child->taken > child->out.bytes.len) child->taken = child->out.bytes.len;
    return line;
}

int child_has_ended(const struct child *child)
{
    return child->is_reaped && child->out.fd < 0 && child->err.fd < 0;
}

int child_status(const struct child *child)
{
    return child->status;
}

int child_was_late(const struct child *child)
{
    return child->was_late;
}

const char *child_errors(struct child *child)
{
    return bytes_text(&child->err.bytes);
}
