/*
 * The limits that the guest's administrator sets by the options of the forced command.
 *
 * policy.c applies those on times, distances, delays, rates and time sources.  guestclock-set.c applies allowed,
 * default_request, no_filter and strict_access, rdate.c edge; correct.c and exchange_server.c set nothing with dry_run.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_LIMITS_H
#define GUESTCLOCK_LIMITS_H

#include <stdbool.h>

#include "lib/args.h"
#include "lib/nstime.h"

#define LIMITS_HOSTS 32

struct limits {
	int64_t not_before;		/* Unix seconds: the earliest time to set */
	int64_t not_after;		/* Unix seconds: refuse this and later; less than 2^32 above not_before */
	nanoseconds max_step;		/* the largest correction in either direction */
	nanoseconds max_back;		/* the largest correction backwards */
	nanoseconds max_delay;		/* the longest round-trip delay of an answer that is accepted */
	int64_t max_rate;		/* the largest frequency correction, parts per 10^9 */
	unsigned allowed;		/* the requests that --allow names: REQUEST_BIT() of each kind */
	bool dry_run;			/* judge and report; set nothing */
	bool no_filter;			/* no system call filter, for a kernel or container without one */
	bool strict_access;		/* if hosts.allow and hosts.deny are both missing, deny every client */
	bool edge;			/* every rdate request without -n samples the edge of the second */
	const char *host[LIMITS_HOSTS];	/* time sources that a request may name */
	int hosts;			/* the number of entries in host; 0: allow only the ssh client's address */
	const char *default_request;	/* the request to perform if the client's is empty; NULL: refuse */
};

/* The limits without any option.  limits_parse() sets the default of max_rate. */
struct limits limits_default(void);

extern const struct program limits_program;

/*
 * Parses the options in argv into LIMITS, which the caller has filled by limits_default(); its strings point into argv.
 * Returns the index of the first word after the options, or ARGS_HELP, ARGS_VERSION or ARGS_WRONG.  With ARGS_WRONG,
 * COMPLAINT is one line: the fault and the expected text.
 */
int limits_parse(int argc, char **argv, struct limits *limits, char complaint[ARGS_COMPLAINT]);

/* The pivot for eras, in Unix seconds: the middle of the allowed times. */
int64_t limits_pivot(const struct limits *limits);

#endif
