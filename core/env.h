/* env: the environment: plain variables, and secrets from a variable or from the file that
 * NAME_FILE names.
 *
 * A secret's variable is read once, kept here, and wiped from the environment, so that neither a
 * child nor /proc shows it. A secret's file is read again when it has changed, so that a token
 * rotates without a restart. An empty variable counts as unset. Floor 1.
 */
#ifndef ENV_H
#define ENV_H
#include <stddef.h>

/* NULL when unset. A variable that was wiped is still answered for. Lives until the next call for
 * the same name. */
const char *env_get(const char *name);
/* The secret's value now; NULL when unset, or when its file cannot be read (that is logged). Lives
 * until the next call for the same name.
 */
const char *env_secret(const char *name);
/* Whether the secret is set in a way that can work: -1 and a sentence in `why` when both NAME and
 * NAME_FILE are set, or when the file never gave a value. Unset is fine. */
int env_secret_check(const char *name, char *why, size_t size);
void env_free(void);
#endif
