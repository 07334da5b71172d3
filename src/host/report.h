/*
 * The output of a run: lines for people, JSON, a monitoring plugin's line, a file for Prometheus.
 *
 * Offsets are guest minus host.  All times are printed in seconds with nine decimals, drift in parts per million.
 */
#ifndef GUESTCLOCK_REPORT_H
#define GUESTCLOCK_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "host/exit_status.h"

struct report {
	const struct driver_options *options;
	bool table;		/* print a line for each guest: standard output is a terminal */
	bool progress;		/* print a count on standard error, which is a terminal */
	size_t width;		/* the length of the longest name, at most 40 */
	size_t count;		/* all guests */
	size_t reported;	/* those that have ended */
	size_t guests[PLUGIN_STATUSES];	/* how many of these have each status */
	struct record *records;	/* theirs, in the order in which they ended */
};

/* Starts the report of COUNT guests, at least one.  Returns false if memory runs out. */
bool report_start(struct report *report, const struct driver_options *options, const char *const *names, size_t count);

/* Reports a guest that has ended. */
void report_guest(struct report *report, const struct record *record);

/*
 * Reports the end of the run, when every guest is reported: SIGNAL_NUMBER ended it early, or is 0.  Returns false if
 * standard output could not be written.
 */
bool report_end(struct report *report, int signal_number);

/*
 * Replaces options->prometheus, a file for Prometheus' textfile collector, atomically: writes a temporary file in the
 * same directory and renames it.  Returns 0 or an errno value.
 */
int report_prometheus(const struct report *report);

#endif
