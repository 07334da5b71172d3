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
#include "host/guest_list.h"

struct report {
	const struct driver_options *options;
	bool table;		/* print a line for each guest: standard output is a terminal, and there is no --json */
	bool progress;		/* print a count on standard error, which is a terminal */
	size_t width;		/* the length of the longest name, at most 40 */
	size_t count;		/* the number of all guests and wrong lines of the list */
	size_t reported;	/* the number of guests that have a result, and of wrong lines */
	size_t guests[PLUGIN_STATUSES];	/* for each status, the number of reported guests that have it */
	struct record *records;	/* in the order of the reports; report_end() sorts them for check's line, worst first */
};

/* Starts the report of the guests in LIST, at least one, and of its wrong lines.  Returns false if memory runs out. */
bool report_start(struct report *report, const struct driver_options *options, const struct guest_list *list);

/* Reports the result of a guest, or a wrong line of the list.  Copies RECORD. */
void report_guest(struct report *report, const struct record *record);

/* Reports what happened to a guest under watch: a line, or a JSON object. */
void report_event(const struct report *report, const struct record *record);

/*
 * Reports the end of the run, after report_guest() for every guest.  SIGNAL_NUMBER is the signal that ended the run
 * early, or 0.  Returns false if standard output could not be written.
 */
bool report_end(struct report *report, int signal_number);

/*
 * Replaces options->prometheus, a file for Prometheus' textfile collector, atomically: writes a temporary file in the
 * same directory and renames it.  Returns 0 or an errno value.
 */
int report_prometheus(const struct report *report);

#endif
