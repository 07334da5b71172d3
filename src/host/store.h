/*
 * /var/lib/guestclock: one state file for each guest, replaced atomically, and a log that is only appended to.
 *
 * Neither a kill -9 nor a full disk leaves a file half written where a whole one was: a state is written beside and
 * renamed; a log line is one write, and a line cut short is ended before the next.  A file that does not parse is set
 * aside under another name with one line on standard error, never trusted and never fatal.  Functions that return int
 * return 0, or an errno value.
 */
#ifndef GUESTCLOCK_STORE_H
#define GUESTCLOCK_STORE_H

#include <stdbool.h>

#include "host/record_text.h"

#define RECORD_LOG "log"
/* The log is cut to its newer half when it grows beyond this. */
#define RECORD_LOG_MAX (8L << 20)

struct store {
	int directory;		/* -1: there is none, and nothing is remembered */
	int writing;		/* locked for each write; readable by its owner alone, so that nobody else can lock it */
	int running;		/* locked for a run that corrects, or -1 */
	const char *path;
};

/* Opens, and makes if need be, the directory. */
int store_open(struct store *store, const char *path);
void store_close(struct store *store);

/* Keeps other runs that correct out until store_close().  EWOULDBLOCK when there is one. */
int store_lock_run(struct store *store);

/* The state of a guest.  False, and *RECORD all zero, when there is none to be had. */
bool store_load(const struct store *store, const char *guest, struct record *record);

/* Replaces the guest's state and appends a line to the log, of a sync (CORRECT) or a check.  The first error. */
int store_remember(const struct store *store, const struct record *record, bool correct);

/*
 * Replaces NAME in DIRECTORY (or AT_FDCWD) by a file of mode 0644 with TEXT: written whole as BESIDE, of which there must be
 * none, and renamed.  What BESIDE or NAME links to is left alone.  BESIDE is removed after an error.
 */
int store_replace_file(int directory, const char *beside, const char *name, const char *text, size_t length);

/* The newest time in the log: that of its last whole line.  0 when there is none. */
nanoseconds store_newest(const struct store *store);

#endif
