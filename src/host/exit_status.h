/*
 * The exit status of a run, from how it ended and from its guests.
 *
 *	                                                  sync               check
 *	RUN_USAGE	wrong usage                       2                  3
 *	RUN_FAILED	nothing was done, or nothing      1                  3
 *			could be printed
 *	RUN_UNSAVED	state, log or metrics could       1                  as RUN_ENDED: its line shows that status
 *			not be written
 *	RUN_ENDED	every guest was handled           1 if one failed,   the worst guest's: 2 critical, 3 unknown,
 *			                                  else 0             1 warning, 0 ok, in this order
 *
 * Pure.
 */
#ifndef GUESTCLOCK_EXIT_STATUS_H
#define GUESTCLOCK_EXIT_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "host/options.h"
#include "host/record_text.h"

/* Of sync. */
enum sync_status { SYNC_DONE, SYNC_FAILED, SYNC_USAGE };

/* Of check, as monitoring plugins have them. */
enum plugin_status { PLUGIN_OK, PLUGIN_WARNING, PLUGIN_CRITICAL, PLUGIN_UNKNOWN };
#define PLUGIN_STATUSES (PLUGIN_UNKNOWN + 1)

enum run_end { RUN_ENDED, RUN_UNSAVED, RUN_FAILED, RUN_USAGE };

/* The status of one guest: by its offset's magnitude and check's limits; PLUGIN_UNKNOWN if it failed or refused. */
enum plugin_status exit_status_guest(const struct record *record, const struct driver_options *options);

/* The worst status that a guest has.  GUESTS is the number of guests with each status. */
enum plugin_status exit_status_worst(const size_t guests[PLUGIN_STATUSES]);

/* The exit status of a run of sync (CORRECT) or check.  GUESTS may be NULL after RUN_FAILED and RUN_USAGE. */
int exit_status(bool correct, enum run_end end, const size_t guests[PLUGIN_STATUSES]);

#endif
