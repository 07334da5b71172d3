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
struct loop_result {
	const char *name;
	const struct dialog *dialog;	/* result, measurements, text */
	nanoseconds time;		/* the host's clock at the end */
};

typedef void (*loop_callback)(void *context, const struct loop_result *outcome);

/*
 * Runs all COUNT guests, options->parallel at once, with CONFIG for ssh's -F (NULL: ssh's own files), and calls REPORT for
 * each as it ends; also for those that a SIGINT or SIGTERM kept from ending.  A guest whose ssh fails before the greeting is
 * tried once more, in what is left of its time.  Returns the signal that ended it early, or 0; -1 with errno when it could not be run.
 */
int loop_run(const struct driver_options *options, const char *config, const char *const *names, size_t count,
    loop_callback report, void *context);

#endif
