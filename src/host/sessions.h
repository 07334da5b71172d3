/*
 * The sessions of sync and check with many guests in parallel: their queue, deadlines and second tries.  ssh_loop.h moves
 * the lines.
 *
 * A guest that hangs, closes the connection, or sends garbage or too much only holds a slot, for its time limit and a
 * few seconds at most.  If it sends nothing, it may also delay other guests' second tries by a few seconds.
 */
#ifndef GUESTCLOCK_SESSIONS_H
#define GUESTCLOCK_SESSIONS_H

#include "host/exchange_client.h"
#include "host/options.h"

/* What the caller does for each guest. */
struct sessions_calls {
	/* Starts CLIENT, before each try of the guest NAME. */
	void (*begin)(void *context, const char *name, struct exchange_client *client);
	/* Gets the finished exchange of the guest NAME, whose session has ended. */
	void (*end)(void *context, const char *name, struct exchange_client *client);
	void *context;
};

/*
 * Measures or corrects the guests in NAMES, at most options->parallel at once.  COUNT, their number, is at least 1.
 * CONFIG is the file for ssh's -F (NULL: ssh reads its own files).  A guest whose ssh fails before the greeting may be
 * tried once more, within the rest of its time.  SIGINT or SIGTERM ends the run early: every guest whose
 * exchange is not over is then reported as failed.  Returns that signal or 0.  Returns -1, with errno, if the loop failed:
 * it does not report the guests that remain.
 */
int sessions_run(const struct driver_options *options, const char *config, const char *const *names, size_t count,
    const struct sessions_calls *calls);

#endif
