/* main_command: what the program does besides serving: checks, the health probe, and commands
 * written in Lua. */
#ifndef MAIN_COMMAND_H
#define MAIN_COMMAND_H
struct portal;

/* --check: loads the scripts of the portal and of the rehearsal, runs what server.on_check
 * registered, and prints what is wrong. All three return the process's exit status. */
int main_check(struct portal *portal);
/* Runs scripts/commands/NAME.lua, where NAME is argv[0]; the other arguments, up to a NULL, are the
 * command's. It has the configuration and the core modules, but neither server nor journal. */
int main_command(struct portal *portal, char *const *argv);
/* --health, for a container's HEALTHCHECK: asks the portal on this machine whether it is ready.
 * `port` may be NULL: PORT of the environment, or 3000. Reads no scripts and no configuration, so
 * that a bad edit does not make a running portal look unhealthy. Waits at most some seconds. */
int main_health(const char *port);
#endif
