/*
 * The options of guestclock-set in the forced command: the limits that the guest's administrator sets.
 *
 * policy.c applies the limits on times, distances, delays, rates and time sources.  guestclock-set.c applies allowed,
 * check_tables, default_request, no_filter and strict_access; rdate.c applies edge, and perform.c state.  With dry_run,
 * correct.c and exchange_server.c do not set the clock.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_SET_OPTIONS_H
#define GUESTCLOCK_SET_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/nstime.h"
#include "lib/option_table.h"
#include "set/request.h"

#define SET_OPTIONS_HOSTS 32

struct set_options {
	int64_t not_before;		/* Unix seconds: the earliest time to set */
	int64_t not_after;		/* Unix seconds: refuse this time and later; less than 2^32 above not_before */
	nanoseconds max_step;		/* how far the clock may get either way (movement_account.h); INT64_MAX: no limit */
	nanoseconds max_back;		/* the same backwards */
	nanoseconds max_delay;		/* the longest round-trip delay of an answer that is accepted */
	int64_t max_rate;		/* the largest frequency correction, parts per 10^9 */
	unsigned allowed;		/* the allowed requests: the sum of REQUEST_BIT() of each kind */
	bool check_tables;		/* for the administrator: show what the tables mean */
	bool dry_run;			/* judge and report; set nothing */
	bool no_filter;			/* no system call filter, for a kernel or container without one */
	bool strict_access;		/* if hosts.allow and hosts.deny are both missing, deny every client */
	bool edge;			/* every rdate request without -n samples the edge of the second */
	bool any_port;			/* a request may name any port of a time source for which host has none */
	const char *host[SET_OPTIONS_HOSTS];	/* time sources that a request may name; set_options_source() parses them */
	int hosts;			/* the number of entries in host; 0: allow only the ssh client's address */
	const char *state;		/* the directory of the clock's lock: an absolute path */
	const char *default_request;	/* the request to perform if the client's is empty; NULL: refuse */
};

/* The values without any option.  set_options_parse() sets the default of max_rate. */
struct set_options set_options_default(void);

extern const struct program set_options_program;

/*
 * Parses the options in ARGV into OPTIONS, which the caller has filled by set_options_default(); its strings point into
 * ARGV.  Returns the index of the first word after the options, or OPTION_HELP, OPTION_VERSION or OPTION_WRONG.  With
 * OPTION_WRONG, COMPLAINT is one line: the fault and the expected text.
 */
int set_options_parse(int argc, char **argv, struct set_options *options, char complaint[OPTION_COMPLAINT]);

/*
 * Parses a time source: HOST, HOST:PORT or [IPV6-ADDRESS]:PORT.  PORT becomes 0 if TEXT has none.  Returns false if TEXT
 * is something else.
 */
bool set_options_source(const char *text, char host[REQUEST_OCTETS + 1], uint16_t *port);

/* Whether --max-step or --max-back limits how far the clock may be moved. */
bool set_options_limit_movement(const struct set_options *options);

/* The pivot by which to decode a time (NEAR of rfc868_nearest()): the middle of the allowed times, in Unix seconds. */
int64_t set_options_pivot(const struct set_options *options);

#endif
