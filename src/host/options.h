/*
 * The command line of guestclock.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_OPTIONS_H
#define GUESTCLOCK_OPTIONS_H

#include <stdbool.h>

#include "lib/nstime.h"
#include "lib/option_table.h"

#define DEFAULT_GUESTS "/etc/guestclock/guests"
#define DEFAULT_SSH_CONFIG "/etc/guestclock/ssh_config"
#define DEFAULT_STATE "/var/lib/guestclock"

struct driver_options {
	bool correct;			/* true: sync, watch, or no known command; false: check */
	bool watch;
	nanoseconds interval;		/* -i: watch: from one reading to the next */
	int64_t parallel;		/* -j: the most guests to handle at once */
	const char *list;		/* -f: the file with the list of guests, or "-" for standard input; NULL: no -f */
	nanoseconds deadline;		/* -t: the time limit for a guest: both tries, without the wait between them */
	nanoseconds warning, critical;	/* -w, -c: check's limits for the magnitude of the offset */
	bool json;
	const char *prometheus;		/* the file for metrics; NULL: none */
	bool require_sync;
	bool no_rate;			/* order no rate */
	nanoseconds step_back;		/* the most that sync steps a guest back; INT64_MAX: no limit */
	const char *ssh_config;		/* NULL: DEFAULT_SSH_CONFIG if it can be read */
	const char *state;		/* NULL: DEFAULT_STATE; check works without a state if it cannot open this default */
};

extern const struct program options_program;

/*
 * Parses the command and the options in argv into OPTIONS.  Returns the index of the first guest in argv, or OPTION_HELP,
 * OPTION_VERSION or OPTION_WRONG.  With OPTION_WRONG, COMPLAINT is one line: the fault and the expected text; only
 * options->correct is then valid.
 */
int options_parse(int argc, char **argv, struct driver_options *options, char complaint[OPTION_COMPLAINT]);

#endif
