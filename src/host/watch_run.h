/*
 * The command watch: the event loop, the host's clock, the list of guests, state and output around the state machine of
 * watch.h.
 */
#ifndef GUESTCLOCK_WATCH_RUN_H
#define GUESTCLOCK_WATCH_RUN_H

#include "host/guest_list.h"
#include "host/report.h"
#include "host/store.h"

struct watch_setup {
	const struct driver_options *options;
	const struct store *store;
	const char *config;		/* the file for ssh's -F, or NULL */
	const struct client_task *task;
	/* Reads the list of guests again, after SIGHUP.  Returns false, after a complaint, if it cannot: nothing changes. */
	bool (*list_again)(void *context, struct guest_list *list);
	void *context;
};

/*
 * Keeps the guests in LIST right until SIGTERM or SIGINT.  Returns 0, or an errno value if the loop failed.  *PRINTED:
 * standard output took everything.  *STORE_ERROR: the first error in writing state, log or metrics, or 0.
 */
int watch_run(const struct watch_setup *setup, struct guest_list *list, bool *printed, int *store_error);

#endif
