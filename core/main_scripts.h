/* main_scripts: loading config.lua, scripts/ and www/, and reloading them while the portal runs. */
#ifndef MAIN_SCRIPTS_H
#define MAIN_SCRIPTS_H
struct portal;
struct vm_error;

/* "scripts/x.lua:3: message", in a static buffer. */
const char *main_error_text(const struct vm_error *error);
/* Reads www/ into core.www, where scripts find it while they load. Returns 0, or -1 and *error. */
int main_load_www(struct portal *portal, struct vm_error *error);
/* Loads everything again. New scripts that load become active; after an error the active ones stay,
 * and /health shows the error. `portal` is a struct portal. */
void main_reload(void *portal);
/* Reloads when a file changes, if config.lua says so. */
void main_watch(struct portal *portal);
#endif
