#include "main_parts.h"
#include "www.h"

#include <dirent.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct check {
    struct portal *portal;
    int faults;
};

static void complain(struct check *check, const struct vm_error *error)
{
    fprintf(stderr, "%s\n", main_error_text(error));
    check->faults++;
}

static int require(lua_State *L)
{
    vm_push_module(L, lua_tostring(L, 1));
    return 0;
}

static int is_script(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".lua") == 0;
}

/* Each file of the folder as a module, so that a mistake is found also in one that nothing requires
 * yet. */
static void check_folder(struct check *check, struct script_version *version, const char *folder)
{
    char path[4200];
    struct dirent **entries = NULL;
    struct vm_error error;

    snprintf(path, sizeof path, "%s/scripts/%s", check->portal->settings.root, folder);
    int n = scandir(path, &entries, is_script, alphasort);
    for (int i = 0; i < n; i++) {
        int len = (int)strlen(entries[i]->d_name) - 4;
        lua_pushfstring(vm_state(version->vm), "%s.", folder);
        lua_pushlstring(vm_state(version->vm), entries[i]->d_name, (size_t)len);
        lua_concat(vm_state(version->vm), 2);
        if (vm_call(version->vm, require, 1, &error) != 0) complain(check, &error);
        free(entries[i]);
    }
    free(entries);
}

static int run_checks(lua_State *L)
{
    vm_push_module(L, "lib.base.check");
    lua_getfield(L, -1, "check");
    lua_call(L, 0, 1);
    return 1;
}

/* lib.check may look at more than that each file loads: it returns a list of sentences, or raises.
 */
static void check_more(struct check *check, struct script_version *version)
{
    char path[4200];
    struct stat info;
    struct vm_error error = { 0 };
    lua_State *L = vm_state(version->vm);

    snprintf(path, sizeof path, "%s/scripts/lib/base/check.lua", check->portal->settings.root);
    if (stat(path, &info) != 0) return;
    if (vm_call(version->vm, run_checks, 0, &error) != 0) {
        complain(check, &error);
        return;
    }
    for (int i = 1; lua_istable(L, -1) && lua_rawgeti(L, -1, i) == LUA_TSTRING;
         i++, lua_pop(L, 1)) {
        snprintf(error.message, sizeof error.message, "%s", lua_tostring(L, -1));
        complain(check, &error);
    }
}

/* Whether the scripts load that begin with `init`. */
static struct script_version *load(struct check *check, const char *init, int rehearsal)
{
    struct portal *portal = check->portal;
    struct vm_error error;

    portal->server.init = init;
    portal->settings.rehearsal = rehearsal;
    struct script_version *version = script_version_new(&portal->server, &portal->settings, &error);
    if (version && script_version_load(version, &error) == 0) return version;
    complain(check, &error);
    script_version_free(version);
    return NULL;
}

static void check_portal(struct check *check)
{
    static const char *const folders[] = { "policy", "steps", "routes", "commands", NULL };
    struct script_version *version = load(check, "init.lua", 0);

    if (!version) return;
    version->is_loading = 1;
    for (const char *const *folder = folders; *folder; folder++)
        check_folder(check, version, *folder);
    if (check->faults == 0) check_more(check, version);
    script_version_free(version);
}

int main_check(struct portal *portal)
{
    struct check check = { .portal = portal };
    struct vm_error error;

    if (main_load_www(portal, &error) != 0) complain(&check, &error);
    check_portal(&check);
    if (check.faults == 0) script_version_free(load(&check, "rehearsal/init.lua", 1));
    if (portal->core.www) www_free(portal->core.www);
    portal->core.www = NULL;
    if (check.faults > 0)
        fprintf(stderr, "check: %d to mend\n", check.faults);
    else
        printf("check: configuration, scripts and locales are good\n");
    return check.faults > 0;
}
