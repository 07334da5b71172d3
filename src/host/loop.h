/*
 * Many guests side by side: one event loop over ssh processes.
 *
 * A guest that hangs, closes, babbles or floods costs its own deadline and nothing else.  Time stamps are taken next to
 * the write and the read, so a busy loop widens a bound and biases nothing.
 */
#ifndef GUESTCLOCK_LOOP_H
#define GUESTCLOCK_LOOP_H

#include "host/dialog.h"
#include "host/options.h"

/* How one guest ended. */
struct outcome_of_guest {
	const char *name;
	const struct dialog *dialog;	/* result, measurements, text */
	nanoseconds time;		/* the host's clock at the end */
};

typedef void (*drive_told)(void *context, const struct outcome_of_guest *outcome);

/*
 * Runs all COUNT guests, options->parallel at once, with CONFIG for ssh's -F (NULL: ssh's own files), and calls TOLD for
 * each as it ends; also for those that a SIGINT or SIGTERM kept from ending.  A guest whose ssh fails before the greeting is
 * tried once more, in what is left of its time.  Returns the signal that ended it early, or 0; -1 with errno when it could not be run.
 */
int drive_guests(const struct driver_options *options, const char *config, const char *const *names, size_t count,
    drive_told told, void *context);

#endif
