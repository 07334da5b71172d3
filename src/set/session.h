/*
 * The client at the other end of standard input and output, and when it has gone.
 *
 * A guest's timers may not run, so nothing here relies on a timeout to come to an end: what always ends a request
 * is the host giving up, which closes the ssh session.  That shows as a hang-up or error on standard output or
 * input.  The end of standard input alone is weaker: cron, "ssh -n" and </dev/null close it at once and want the
 * answer all the same.  So an end of input within SESSION_GRACE of the start means a client with nothing to say,
 * a later one that the client has closed its side.
 */
#ifndef GUESTCLOCK_SESSION_H
#define GUESTCLOCK_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/nstime.h"

#define SESSION_GRACE (2 * NS_PER_SECOND)

/* Entries that session_polls() fills. */
#define SESSION_POLLS 2

struct session {
	nanoseconds started;		/* sysclock_elapsed() at the start */
	bool input_open;		/* standard input is watched and has not ended */
};

void session_start(struct session *session);

/* Fills POLLS with what to watch; an entry may be unused (fd < 0). */
void session_polls(const struct session *session, struct pollfd polls[SESSION_POLLS]);

/* Looks at what poll(2) returned, throws away input.  True when the client has gone. */
bool session_gone(struct session *session, const struct pollfd polls[SESSION_POLLS]);

enum session_read { SESSION_READ_DONE, SESSION_READ_SHORT, SESSION_READ_LONG, SESSION_READ_TIMEOUT, SESSION_READ_FAILED };

/*
 * Reads exactly COUNT octets (at most 16) from standard input, within TIMEOUT where the guest's timers run at all.
 * SHORT: the input ended first (*GOT octets came).  LONG: more than COUNT came with them.  Does not wait for the
 * end of the input.
 */
enum session_read session_read_exactly(unsigned char *into, size_t count, nanoseconds timeout, size_t *got);

#endif
