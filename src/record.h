/*
 * /var/lib/guestclock: one state file for each guest, replaced atomically, and a log that is only appended to.
 *
 * Neither a kill -9 nor a full disk leaves a file half written where a whole one was: a state is written beside and
 * renamed; a log line is one write, and a line cut short is ended before the next.  A file that does not parse is set
 * aside under another name with one line on standard error, never trusted and never fatal.  Functions that return int
 * return 0, or an errno value.
 */
#ifndef GUESTCLOCK_RECORD_H
#define GUESTCLOCK_RECORD_H

#include <stdbool.h>

#include "recordtext.h"

#define RECORD_LOG "log"
/* The log is cut to its newer half when it grows beyond this. */
#define RECORD_LOG_MAX (8L << 20)

struct store {
	int directory;
	const char *path;
};

/* Opens, and makes if need be, the directory. */
int record_open(struct store *store, const char *path);
void record_close(struct store *store);

/* The state of a guest.  False, and *RECORD all zero, when there is none to be had. */
bool record_load(const struct store *store, const char *guest, struct record *record);
int record_save(const struct store *store, const struct record *record);

int record_append(const struct store *store, const char *line, size_t length);

/* The newest time in the log: that of its last whole line.  0 when there is none. */
nanoseconds record_newest(const struct store *store);

#endif
