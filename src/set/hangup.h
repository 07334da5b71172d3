/*
 * The client at the other end of standard input and output, and how to notice that it has gone.
 *
 * A guest's timers may not run, so a request here does not rely on a timeout to end.  It always ends when the host
 * gives up and closes the ssh session.  This shows as a hang-up or error on standard output, or as the end of standard
 * input.  That end alone proves less: cron, "ssh -n" and </dev/null close standard input at once and still want the
 * answer.  So an end of input within HANGUP_GRACE of the start means that the client has nothing to send; a later end
 * means that the client has gone.
 */
#ifndef GUESTCLOCK_HANGUP_H
#define GUESTCLOCK_HANGUP_H

#include <poll.h>
#include <stdbool.h>

#include "lib/nstime.h"

#define HANGUP_GRACE (2 * NS_PER_SECOND)

/* The number of entries that hangup_polls() fills. */
#define HANGUP_POLLS 2

struct hangup {
	nanoseconds started;		/* sysclock_elapsed() at the start */
	bool input_open;		/* standard input is watched and has not ended */
};

void hangup_start(struct hangup *hangup);

/* Fills POLLS with the descriptors to watch; an entry may be unused (fd < 0). */
void hangup_polls(const struct hangup *hangup, struct pollfd polls[HANGUP_POLLS]);

/* Evaluates what poll(2) wrote into POLLS, and discards input.  Returns true if the client has gone. */
bool hangup_seen(struct hangup *hangup, const struct pollfd polls[HANGUP_POLLS]);

/*
 * For the start of a request that reads no input: an end of input that is there already means that the client has
 * nothing to send, even if this process got no processor for HANGUP_GRACE.
 */
void hangup_look(struct hangup *hangup);

#endif
