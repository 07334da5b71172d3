/*
 * /var/lib/guestclock: one state file for each guest, replaced atomically, and a log, to which lines are appended.
 *
 * Neither SIGKILL nor a full disk damages existing data.  A state is written to a temporary file, which is renamed.  A
 * log line is one write; if the line before was cut short, the same write first ends that line.  A file that does not
 * parse is not used and does not end the run: it is renamed, with one line on standard error.  Functions that return
 * int return 0 or an errno value.
 */
#ifndef GUESTCLOCK_STORE_H
#define GUESTCLOCK_STORE_H

#include <stdbool.h>

#include "host/record.h"

#define RECORD_LOG "log"
/* If the log has more octets than this before a line is appended, its older half is removed afterwards. */
#define RECORD_LOG_MAX (8L << 20)

struct store {
	int directory;		/* -1: there is none, and nothing is stored */
	int writing;		/* the file to lock for each write; only its owner can open it, so nobody else can lock it */
	int running;		/* the file that each run of sync locks, open after store_lock_run(); before, -1 */
	const char *path;
};

/*
 * Opens the directory PATH until this process ends; makes it if it does not exist.  The string PATH must stay valid.
 * Returns EACCES if this process runs as root and another user owns the directory.
 */
int store_open(struct store *store, const char *path);

/*
 * Locks out other runs of sync and watch until this process ends.  WATCH: this is a watch.  Returns EWOULDBLOCK if another
 * run holds the lock.
 */
int store_lock_run(struct store *store, bool watch);

/* After EWOULDBLOCK: whether the other run is a watch. */
bool store_is_watched(const struct store *store);

/* Reads the state of GUEST.  Both become all zero if it cannot be opened, or is damaged: then it is renamed too. */
void store_load(const struct store *store, const char *guest, struct record *record, struct rate *rate);

/*
 * Replaces the guest's state and appends a line of COMMAND to the log.  If RATE is NULL, as for check, the state of the
 * estimator stays as it is, and while a watch runs, all of the state.  Tries both.  Returns the first error.
 */
int store_remember(const struct store *store, const struct record *record, const struct rate *rate,
    const char *command);

/* Replaces the guest's state, without a line in the log. */
int store_save(const struct store *store, const struct record *record, const struct rate *rate);

/*
 * Replaces NAME in DIRECTORY (or AT_FDCWD) by a file of mode 0644 that contains TEXT.  Writes the temporary file
 * BESIDE, which must not exist, and renames it.  Does not follow a link at BESIDE or NAME.  Removes BESIDE after an
 * error, unless it existed before.
 */
int store_replace_file(int directory, const char *beside, const char *name, const char *text, size_t length);

/* Returns the time of the log's last whole line, or 0 if there is none.  Renames the log if that line has no time. */
nanoseconds store_newest(const struct store *store);

#endif
