/*
 * The exit status of a run, from how it ended and from the results of its guests.
 *
 *	                                                  sync               check
 *	RUN_USAGE	wrong usage, list or ssh_config   2                  3
 *	RUN_FAILED	the run could not begin or go     1                  3
 *			on, or could not print
 *	RUN_UNSAVED	state, log or metrics could       1                  as RUN_ENDED: check has printed that status
 *			not be written
 *	RUN_ENDED	every guest has a result          1 if a guest       the worst guest's: 2 critical, 3 unknown,
 *			                                  failed or refused, 1 warning, 0 ok, from worst to best
 *			                                  else 0
 *
 * Pure.
 */
#ifndef GUESTCLOCK_EXIT_STATUS_H
#define GUESTCLOCK_EXIT_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "host/options.h"
#include "host/record.h"

/* The exit statuses of sync. */
enum sync_status { SYNC_DONE, SYNC_FAILED, SYNC_USAGE };

/* The exit statuses of check, as monitoring plugins have them; also the status of one guest. */
enum plugin_status { PLUGIN_OK, PLUGIN_WARNING, PLUGIN_CRITICAL, PLUGIN_UNKNOWN };
#define PLUGIN_STATUSES (PLUGIN_UNKNOWN + 1)

enum run_end { RUN_ENDED, RUN_UNSAVED, RUN_FAILED, RUN_USAGE };

/* The status of one guest: after.offset compared with the limits -w and -c; PLUGIN_UNKNOWN if it failed or refused. */
enum plugin_status exit_status_guest(const struct record *record, const struct driver_options *options);

/* The worst status that any guest has.  GUESTS has, for each status, the number of guests with it. */
enum plugin_status exit_status_worst(const size_t guests[PLUGIN_STATUSES]);

/*
 * The exit status of a run.  CORRECT: sync; false: check.  GUESTS is as for exit_status_worst(); it may be NULL if END
 * is RUN_FAILED or RUN_USAGE.
 */
int exit_status(bool correct, enum run_end end, const size_t guests[PLUGIN_STATUSES]);

#endif
