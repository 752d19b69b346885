/* main_data: DATA_DIR, with the journal (journal.db), the secret, and the lock of the portal that
 * uses them; the backup and restore of both. Waits for the disk. */
#ifndef MAIN_DATA_H
#define MAIN_DATA_H

/* Creates the folder (mode 0700) if it is missing, locks it, and finishes or discards a restore
 * that was interrupted in it. Returns the descriptor of the lock, or -1 after logging why. */
int main_data_open(char *folder);

/* --backup and --restore: copy the journal and the secret of DATA_DIR to a folder, and back. They
 * read DATA_DIR from the environment, not from config.lua, which may be what is broken. Return the
 * process's exit status. */
int main_data_backup(const char *folder);
int main_data_restore(const char *folder);
#endif
