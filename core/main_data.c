/* A restore replaces what is in DATA_DIR wholly or not at all, wherever it is interrupted:
 *
 *   restore.new/new/   is being filled with the backup. Until it is renamed nothing has changed,
 *                      and the next start discards it.
 *   restore/new/       the same folder, renamed: from here on the backup counts. Its files are
 *                      moved into place, and those they replace into restore/, which is renamed to
 *                      before-restore.DATE at the end. The next start continues where this ended.
 */
#include "main_portal.h"
#include "bundle.h"
#include "env.h"
#include "file.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "secret.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_ROOM = 64 };

/* Reports a failure of --backup or --restore. Returns the exit status. */
static int fail(const char *what, const char *why)
{
    fprintf(stderr, "deployer: %s: %s\n", what, why);
    return 1;
}

static const char *data_dir(void)
{
    const char *folder = env_get("DATA_DIR");
    return folder ? folder : "./data";
}

/* --- copying --- */

/* The bytes of the secret in a folder; NULL after reporting a failure. */
static char *read_secret(const char *folder)
{
    char *path = mem_printf("%s/secret", folder);
    size_t len = 0;
    char *bytes = file_read(path, SECRET_BYTES, &len);
    if (!bytes && errno != EFBIG) {
        fail(path, strerror(errno));
    } else if (!bytes || len != SECRET_BYTES) {
        fail(path, "this is not the secret of an installation");
        free(bytes);
        bytes = NULL;
    }
    free(path);
    return bytes;
}

/* Copies the journal, checked, and the secret to new files. The secret is last: a folder without
 * one is not a whole backup, and --restore refuses it. Returns the exit status. */
static int copy_data(const char *from, const char *to)
{
    char *secret = read_secret(from), *message = NULL;
    if (!secret) return 1;
    char *old_journal = mem_printf("%s/journal.db", from);
    char *new_journal = mem_printf("%s/journal.db", to);
    char *new_secret = mem_printf("%s/secret", to);
    int status = 0;
    if (store_copy(old_journal, new_journal, &message) != 0)
        status = fail("the journal", message);
    else if (file_create(new_secret, secret, SECRET_BYTES, 0600) != 0)
        status = fail(new_secret, strerror(errno));
    free(message);
    free(new_secret);
    free(new_journal);
    free(old_journal);
    free(secret);
    return status;
}

int main_data_backup(const char *folder)
{
    char *unfinished = mem_printf("%s/restore", data_dir());
    int has_restore = access(unfinished, F_OK) == 0;
    if (has_restore)
        fail(unfinished, "a restore was interrupted here; start the portal or restore again, which "
                         "finishes it");
    free(unfinished);
    if (has_restore) return 1;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) return fail(folder, strerror(errno));
    if (copy_data(data_dir(), folder) != 0) return 1;
    printf("%s holds the journal and the secret; protect it like a key\n", folder);
    return 0;
}

/* --- a restore, once the backup counts; `data` is the descriptor of DATA_DIR --- */

static int exists(int data, const char *name)
{
    return faccessat(data, name, F_OK, 0) == 0;
}

/* A missing file needs no move. */
static int move(int data, const char *from, const char *to)
{
    return renameat(data, from, data, to) == 0 || errno == ENOENT ? 0 : -1;
}

/* While restore/new/NAME exists, the file in its place is the old one. The journal's last pages may
 * be in the files beside it. */
static int replace_files(int data)
{
    if (exists(data, "restore/new/journal.db") &&
        (move(data, "journal.db", "restore/journal.db") != 0 ||
         move(data, "journal.db-wal", "restore/journal.db-wal") != 0 ||
         move(data, "journal.db-shm", "restore/journal.db-shm") != 0))
        return -1;
    if (move(data, "restore/new/journal.db", "journal.db") != 0) return -1;
    if (exists(data, "restore/new/secret") && move(data, "secret", "restore/secret") != 0)
        return -1;
    return move(data, "restore/new/secret", "secret");
}

/* Renames restore/ to its final name, in `old`, which is "" when nothing was there before. */
static int keep_old(int data, char *old)
{
    char date[32];
    time_t now = time(NULL);
    *old = '\0';
    if (unlinkat(data, "restore", AT_REMOVEDIR) == 0) return 0;
    strftime(date, sizeof date, "%Y-%m-%dT%H-%M-%SZ", gmtime(&now));
    for (int i = 1; i < 1000; i++) {
        snprintf(old, NAME_ROOM, "before-restore.%s.%d", date, i);
        if (renameat(data, "restore", data, old) == 0) return 0;
        if (errno != ENOTEMPTY && errno != EEXIST) break;
    }
    return -1;
}

static int finish_restore(int data, char *old)
{
    if (replace_files(data) != 0) return -1;
    if (file_sync_folder(data, "restore") != 0 || file_sync_folder(data, ".") != 0) return -1;
    if (unlinkat(data, "restore/new", AT_REMOVEDIR) != 0 && errno != ENOENT) return -1;
    return keep_old(data, old) == 0 ? file_sync_folder(data, ".") : -1;
}

/* --- a restore, before the backup counts --- */

static int discard_restore(int data)
{
    static const char *const files[] = {
        "restore.new/new/journal.db",     "restore.new/new/journal.db-journal",
        "restore.new/new/journal.db-wal", "restore.new/new/journal.db-shm",
        "restore.new/new/secret",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (unlinkat(data, files[i], 0) != 0 && errno != ENOENT) return -1;
    if (unlinkat(data, "restore.new/new", AT_REMOVEDIR) != 0 && errno != ENOENT) return -1;
    return unlinkat(data, "restore.new", AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

/* When root restores, the files get the owner of DATA_DIR, who is the user the portal runs as. */
static int set_owner(int data, const char *name)
{
    struct stat folder;
    if (geteuid() != 0) return 0;
    if (fstat(data, &folder) != 0) return -1;
    return fchownat(data, name, folder.st_uid, folder.st_gid, AT_SYMLINK_NOFOLLOW);
}

static int make_folder(int data, const char *name)
{
    return mkdirat(data, name, 0700) == 0 ? set_owner(data, name) : -1;
}

/* A damaged journal, which may be why there is a restore, is no reason to refuse one. */
static void carry_revocations(const char *data_name, const char *target)
{
    char *to = mem_printf("%s/journal.db", target), *message = NULL;
    char *from = mem_printf("%s/journal.db", data_name);
    int revoked, keys;
    if (store_carry_revocations(to, from, &revoked, &keys, &message) != 0)
        fprintf(stderr,
                "deployer: warning: what was revoked since the backup is valid again, because the "
                "present journal cannot be read: %s (revoke tokens, invites and keys again)\n",
                message);
    else
        printf("tokens and invites that stay revoked: %d; keys that stay changed: %d; log-ins and "
               "links of the backup are void\n",
               revoked, keys);
    free(to);
    free(from);
    free(message);
}

/* Copies the backup to restore.new/new/. Returns the exit status. */
static int stage_restore(int data, const char *data_name, const char *folder)
{
    char *target = mem_printf("%s/restore.new/new", data_name);
    int status = 0;
    if (make_folder(data, "restore.new") != 0 || make_folder(data, "restore.new/new") != 0)
        status = fail(target, strerror(errno));
    if (status == 0) status = copy_data(folder, target);
    if (status == 0) carry_revocations(data_name, target);
    if (status == 0 &&
        (set_owner(data, "restore.new/new/journal.db") != 0 ||
         set_owner(data, "restore.new/new/secret") != 0 || set_owner(data, "lock") != 0 ||
         file_sync_folder(data, "restore.new/new") != 0 ||
         file_sync_folder(data, "restore.new") != 0))
        status = fail(target, strerror(errno));
    free(target);
    return status;
}

/* --- a restore that was interrupted --- */

/* The caller holds the lock. Returns 0: there was none; 1: it was finished or discarded; -1: it
 * cannot be. Unless 0, *message (caller frees) says what was done, or why not. */
static int resume_restore(int data, const char *data_name, char **message)
{
    char old[NAME_ROOM];
    int has_begun = exists(data, "restore.new"), counts = exists(data, "restore"), rc = 0;
    if (counts) rc = finish_restore(data, old);
    if (rc == 0 && has_begun) rc = discard_restore(data);
    if (rc != 0)
        *message = mem_printf("a restore was interrupted in %s and cannot be finished: %s (the "
                              "folder and its files must belong to this user, and there must be "
                              "room on the disk; then start again)",
                              data_name, strerror(errno));
    else if (counts)
        *message = mem_printf("an interrupted restore was finished%s%s",
                              *old ? "; the data from before is in " : "", old);
    else if (has_begun)
        *message = mem_text("a restore was interrupted before it had changed anything; run it "
                            "again if you still want it");
    return rc != 0 ? -1 : counts || has_begun;
}

/* --- --restore --- */

static int lock_for_restore(int data, const char *data_name)
{
    int fd = openat(data, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail(data_name, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 0; /* held until the process ends */
    return fail(data_name, "a portal is using it; stop the portal first");
}

static int restore(int data, const char *data_name, const char *folder)
{
    char old[NAME_ROOM], *message = NULL;
    if (lock_for_restore(data, data_name) != 0) return 1;
    int rc = resume_restore(data, data_name, &message);
    if (rc != 0) fprintf(stderr, "deployer: %s\n", message);
    free(message);
    if (rc < 0) return 1;
    if (stage_restore(data, data_name, folder) != 0) {
        discard_restore(data);
        return 1;
    }
    if (renameat(data, "restore.new", data, "restore") != 0 || file_sync_folder(data, ".") != 0 ||
        finish_restore(data, old) != 0)
        return fail(data_name, strerror(errno));
    if (*old) printf("the data from before is in %s/%s\n", data_name, old);
    printf("%s holds the data of %s again; start the portal\n", data_name, folder);
    return 0;
}

int main_data_restore(const char *folder)
{
    const char *data_name = data_dir();
    if (mkdir(data_name, 0700) != 0 && errno != EEXIST) return fail(data_name, strerror(errno));
    int data = open(data_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data < 0) return fail(data_name, strerror(errno));
    int status = restore(data, data_name, folder);
    close(data);
    return status;
}

/* --- the portal's start --- */

static int make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0700) != 0 && errno != EEXIST;
        *slash = '/';
        if (failed) return -1;
    }
    return mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

static int refuse(const char *folder, const char *problem)
{
    log_line(LOG_ERROR, "portal.start_failed",
             "%s: %s: %s (set DATA_DIR to a folder that this user may write to)", folder, problem,
             strerror(errno));
    return -1;
}

int main_data_open(char *folder)
{
    char *message = NULL;
    if (make_folders(folder) != 0) return refuse(folder, "cannot be created");
    int data = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data < 0) return refuse(folder, "cannot be opened");
    int lock = openat(data, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    /* Two portals with one journal would each resume the other's deployments. */
    int is_locked = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0;
    int rc = is_locked ? resume_restore(data, folder, &message) : -1;
    if (lock < 0)
        refuse(folder, "cannot be written to");
    else if (!is_locked)
        log_line(LOG_ERROR, "portal.start_failed",
                 "another portal is using %s (stop it, or give this one a DATA_DIR of its own)",
                 folder);
    else if (rc < 0)
        log_line(LOG_ERROR, "portal.start_failed", "%s", message);
    else if (rc > 0)
        log_line(LOG_WARN, "portal.restore_cut", "%s", message);
    free(message);
    close(data);
    if (rc >= 0) return lock;
    if (lock >= 0) close(lock);
    return -1;
}

void main_post(void *loop, void (*fn)(void *arg), void *arg)
{
    loop_post(loop, fn, arg);
}

/* --- files of the installation that made the process end --- */

/* DATA_DIR/site.stuck: the hash of the installation's files that made the process end. */
static char stuck_path[4096 + sizeof "/site.stuck"];

void main_data_note_stuck(const struct bundle *site)
{
    int fd = site && *stuck_path ? open(stuck_path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    if (fd < 0 || write(fd, site->hash, strlen(site->hash)) < 0) return;
    close(fd);
}

void main_data_take_stuck(struct portal *portal)
{
    size_t len;
    snprintf(stuck_path, sizeof stuck_path, "%s/site.stuck", portal->settings.data_dir);
    char *hash = file_read(stuck_path, BUNDLE_HASH, &len);
    snprintf(portal->server.stuck_site, sizeof portal->server.stuck_site, "%s", hash ? hash : "");
    unlink(stuck_path);
    free(hash);
}
