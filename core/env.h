/* env: the environment: plain variables, and secrets from a variable or from the file that
 * NAME_FILE names. The loop's thread.
 *
 * A secret's variable is read once, kept here and wiped from the environment, so that neither a
 * child process nor /proc shows it. A secret's file is read again when it has changed, so that a
 * token rotates without a restart. A byte order mark, blanks and quotes around a value are removed,
 * which is logged. An empty variable counts as unset. */
#ifndef ENV_H
#define ENV_H
#include <stddef.h>

/* The variable's value, also of a variable that was wiped; NULL when unset. Valid until the next
 * call for the same name. */
const char *env_get(const char *name);
/* The secret's value now; NULL when unset, or when its file cannot be read (which is logged). Valid
 * until the next call for the same name. May wait for the disk. */
const char *env_secret(const char *name);
/* Whether the secret is unset or usable. -1 and a sentence in `why` when both NAME and NAME_FILE
 * are set, or when the file has never had a value. */
int env_secret_check(const char *name, char *why, size_t size);
/* The environment for a child process of this program: this one's, where each secret that was wiped
 * has a stand-in of its length for a value. `changes` are more, "NAME=value", which win; it ends
 * with NULL. The caller frees the list, which is one block. */
char **env_for_child(const char *const *changes);
/* Wipes and frees everything that was read. */
void env_free(void);
#endif
