/*
 * Performing a request: one file each (rdate.c, rfc868_push.c, status_request.c, exchange_server.c), and the steps that
 * they share.
 *
 * Every function returns an exit status, and has reported and logged every failure.
 */
#ifndef GUESTCLOCK_PERFORM_H
#define GUESTCLOCK_PERFORM_H

#include "lib/status.h"
#include "set/guest_clock.h"
#include "set/hangup.h"
#include "set/request.h"
#include "set/set_options.h"

/* Performs REQUEST within the limits of OPTIONS.  The caller has started HANGUP. */
enum status perform_request(const struct request *request, const struct set_options *options, struct hangup *hangup);

enum status perform_rdate(const struct rdate_request *request, const struct set_options *options, struct hangup *hangup);
enum status perform_rfc868(const struct set_options *options);
enum status perform_status(const struct set_options *options);

/*
 * Opens the lock file into RUN.  SETS: the request sets the clock; fails if this process lacks CAP_SYS_TIME or cannot
 * open the file.
 */
enum status perform_prepare(const struct set_options *options, bool sets, struct guest_clock *run);

/*
 * Drops all capabilities, except CAP_SYS_TIME if SETS, sets resource limits, and enters the system call filter of the
 * process that sets the clock.  A child cannot give up root's user after that: start it before.
 */
enum status perform_confine(bool sets);

/*
 * Flushes standard output and returns STATUS.  PRINTS: the output is all that the request asked for, so if it cannot be
 * written, the request fails.
 */
enum status perform_finish(enum status status, bool prints);

#endif
