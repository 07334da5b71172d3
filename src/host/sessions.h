/*
 * The sessions with many guests in parallel: one event loop over ssh processes, with their deadlines, retries and ends.
 * ssh_process.h starts and signals one ssh.
 *
 * A guest that hangs, closes the connection, or sends garbage or too much affects no other guest: it only holds a slot,
 * for its time limit and a few seconds at most.  The loop reads the host's clock just before it sends an order and just
 * after it reads a reply.  So a busy host makes the error bounds larger, but the true offsets lie within them.
 */
#ifndef GUESTCLOCK_SESSIONS_H
#define GUESTCLOCK_SESSIONS_H

#include "host/exchange_client.h"
#include "host/options.h"

/* Gets the name and the finished exchange of a guest whose session has ended. */
typedef void (*sessions_callback)(void *context, const char *name, const struct exchange_client *client);

/*
 * Measures or corrects the guests in NAMES, at most options->parallel at once.  COUNT, their number, is at least 1.
 * CONFIG is the file for ssh's -F (NULL: ssh reads its own files).  Calls REPORT, with CONTEXT, for each guest when its
 * session has ended.  A guest whose ssh fails before the greeting may be tried once more, within the rest of its time.
 * SIGINT or SIGTERM ends the run early: every guest whose exchange is not over is then reported as failed.  Returns
 * that signal or 0.  Returns -1, with errno, if the loop failed: it does not report the guests that remain.
 */
int sessions_run(const struct driver_options *options, const char *config, const char *const *names, size_t count,
    sessions_callback report, void *context);

#endif
