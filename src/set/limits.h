/*
 * What the guest's administrator allows: the options of the forced command.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_LIMITS_H
#define GUESTCLOCK_LIMITS_H

#include <stdbool.h>

#include "lib/args.h"
#include "lib/nstime.h"

#define LIMITS_HOSTS 32
/* Requests, as bits of limits.allowed and as kinds of struct request: limits.c names each bit. */
enum request_kind {
	REQUEST_RDATE = 1,
	REQUEST_RFC868 = 2,
	REQUEST_STATUS = 4,
	REQUEST_EXCHANGE = 8
};
#define REQUEST_NAMES "rdate, rfc868, exchange or status"
#define REQUEST_ALL (REQUEST_RDATE | REQUEST_RFC868 | REQUEST_STATUS | REQUEST_EXCHANGE)

struct limits {
	int64_t not_before;		/* Unix seconds: no clock is set before this */
	int64_t not_after;		/* Unix seconds: nor after this; less than 2^32 above not_before */
	nanoseconds max_step;		/* the largest correction either way */
	nanoseconds max_back;		/* the largest correction backwards */
	nanoseconds max_delay;		/* the longest round trip believed */
	int64_t max_rate;		/* the largest frequency correction, parts per 10^9 */
	unsigned allowed;		/* bits of enum request_kind */
	bool dry_run;			/* judge and report, set nothing */
	bool no_filter;			/* no system call filter: a kernel or container has none */
	bool strict_access;		/* no hosts.allow and no hosts.deny: nobody is let in */
	bool edge;			/* every rdate request samples the edge of the second */
	const char *host[LIMITS_HOSTS];	/* time sources that a request may name */
	int hosts;			/* 0: only the address of the ssh client */
	const char *default_request;	/* what an empty request means; NULL: refused */
};

/* The limits when no option is given. */
struct limits limits_default(void);

/* The kind of request that VERB names, or 0. */
unsigned request_kind_of(const char *verb);
const char *request_kind_name(enum request_kind kind);

extern const struct program limits_program;

/*
 * Reads the options in argv into LIMITS, which the caller has filled by limits_default(); strings stay in argv.
 * Returns the index of the first word after the options, or one of ARGS_HELP, ARGS_VERSION and ARGS_WRONG, the last
 * with one line of what was wrong and what was expected in COMPLAINT.
 */
int limits_parse(int argc, char **argv, struct limits *limits, char complaint[ARGS_COMPLAINT]);

/* The time to count eras from: the middle of what is allowed, in Unix seconds. */
int64_t limits_pivot(const struct limits *limits);

#endif
