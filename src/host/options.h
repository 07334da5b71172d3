/*
 * The command line of guestclock.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_OPTIONS_H
#define GUESTCLOCK_OPTIONS_H

#include <stdbool.h>

#include "lib/args.h"
#include "lib/nstime.h"

#define DEFAULT_GUESTS "/etc/guestclock/guests"
#define DEFAULT_SSH_CONFIG "/etc/guestclock/ssh_config"
#define DEFAULT_STATE "/var/lib/guestclock"

struct driver_options {
	bool correct;			/* sync; false: check */
	int64_t parallel;		/* -j: guests at once, 1 to 1000 */
	const char *list;		/* -f: file of guests, "-" for standard input; NULL: none was named */
	nanoseconds deadline;		/* -t: for each attempt at a guest */
	nanoseconds warning, critical;	/* -w, -c: of check, on the magnitude of the offset */
	bool json;
	const char *prometheus;		/* NULL: none */
	bool require_sync;
	const char *ssh_config;		/* NULL: the default where that exists */
	const char *state;		/* NULL: DEFAULT_STATE, which check does without where it has to */
};

extern const struct program options_program;

/*
 * Reads argv.  Returns the index of the first guest, or one of ARGS_HELP, ARGS_VERSION and ARGS_WRONG, the last with
 * one line in COMPLAINT: what was wrong and what was expected.
 */
int options_parse(int argc, char **argv, struct driver_options *options, char complaint[ARGS_COMPLAINT]);

#endif
