/*
 * Performing a request: one file each (rdate.c, rfc868_push.c, status_request.c, exchange_server.c), and the steps that
 * they share.
 *
 * Every function returns an exit status, and has reported and logged every failure.
 */
#ifndef GUESTCLOCK_PERFORM_H
#define GUESTCLOCK_PERFORM_H

#include "lib/status.h"
#include "set/clock_lock.h"
#include "set/hangup.h"
#include "set/request.h"
#include "set/set_options.h"

/* Performs REQUEST within LIMITS. */
enum status perform_request(const struct request *request, const struct set_options *options, struct hangup *hangup);

enum status perform_rdate(const struct rdate_request *request, const struct set_options *options, struct hangup *hangup);
enum status perform_rfc868(const struct set_options *options);
enum status perform_status(const struct set_options *options);

/*
 * Opens the lock file and drops the privileges that the request does not need.  SETS: the request may set the clock;
 * fails if this process may not.
 */
enum status perform_prepare(bool sets, struct clock_lock *run);

/* Enters the system call filter of the process that sets the clock, and sets its resource limits. */
enum status perform_confine(void);

/*
 * Flushes standard output.  PRINTS: the output is all that the request asked for, so the request fails if the output
 * cannot be written.  Otherwise returns STATUS.
 */
enum status perform_finish(enum status status, bool prints);

#endif
