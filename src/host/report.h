/*
 * The output of a run: lines for people, JSON, a monitoring plugin's line, a file for Prometheus.
 *
 * Offsets are guest minus host.  All times are printed in seconds with nine decimals, drift in parts per million.
 */
#ifndef GUESTCLOCK_REPORT_H
#define GUESTCLOCK_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "host/exit_status.h"

struct report {
	const struct driver_options *options;
	bool table;		/* print a line for each guest: standard output is a terminal */
	bool progress;		/* print a count on standard error, which is a terminal */
	size_t count, reported;
	size_t width;		/* the length of the longest name, at most 40 */
	size_t guests[PLUGIN_STATUSES];	/* the number of reported guests with each status */
	struct record worst;	/* the worst guest, by status, then by offset */
	char *perfdata;		/* the performance data of the plugin's line */
	size_t perfdata_length, perfdata_room;
};

void report_start(struct report *report, const struct driver_options *options, const char *const *names, size_t count);

/* Reports a guest that has ended. */
void report_guest(struct report *report, const struct record *record);

/*
 * Reports the end of the run: SIGNAL_NUMBER ended it early, or is 0.  Returns false if standard output could not be
 * written.
 */
bool report_end(struct report *report, int signal_number);

/* Writes one JSON object and LF. */
void report_json(FILE *to, const struct record *record);

/*
 * Replaces PATH, a file for Prometheus' textfile collector, atomically: writes a temporary file in the same directory
 * and renames it.  Returns 0 or an errno value.
 */
int report_prometheus(const char *path, const struct record *records, size_t count);

#endif
