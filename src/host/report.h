/*
 * What a run reports: lines for people, JSON, a monitoring plugin's line, a file for Prometheus.
 *
 * Offsets are guest minus host; all times are printed in seconds with nine decimals, drift in parts per million.
 */
#ifndef GUESTCLOCK_REPORT_H
#define GUESTCLOCK_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "host/options.h"
#include "host/record_text.h"
#include "lib/status.h"

struct report {
	const struct driver_options *options;
	bool table;		/* a line for each guest: standard output is a terminal */
	bool progress;		/* a count on standard error, which is a terminal */
	size_t count, reported, failed;
	size_t width;		/* of the longest name, within reason */
	size_t in_state[PLUGIN_UNKNOWN + 1];	/* guests by plugin status */
	const struct record *worst;	/* by plugin status, then by offset */
	struct record worst_record;
	char *perfdata;		/* of a plugin's line */
	size_t perfdata_length, perfdata_room;
};

void report_start(struct report *report, const struct driver_options *options, const char *const *names, size_t count);

/* One guest has ended. */
void report_guest(struct report *report, const struct record *record);

/* All have, or SIGNAL ended the run (0: none).  Returns the run's exit status. */
int report_end(struct report *report, int signal_number);

/* How serious a record is for check: by the magnitude of its offset, or UNKNOWN when there is none. */
enum plugin_status report_judge(const struct record *record, const struct driver_options *options);

/* One JSON object and LF. */
void report_json(FILE *to, const struct record *record);

/*
 * Writes PATH for Prometheus' textfile collector, beside and renamed.  0, or an errno value.
 */
int report_prometheus(const char *path, const struct record *records, size_t count);

#endif
