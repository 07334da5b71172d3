/*
 * The network process, which talks to the time source.
 *
 * It cannot set the clock: it has no capability, and its filter forbids the calls.  It enters that filter before it
 * looks up a name, and a narrower one, which forbids new sockets and files, before it reads the source's answer.  The
 * process that sets the clock cannot use the network.  The answer goes through a pipe as one struct query_answer, which
 * query_answer.h checks when it arrives.
 */
#ifndef GUESTCLOCK_NETPROC_H
#define GUESTCLOCK_NETPROC_H

#include <stdint.h>

#include "set/hangup.h"
#include "set/query.h"
#include "set/request.h"

struct netproc {
	int pid;
	int pipe;		/* the end to read from */
	int handle;		/* a pidfd; -1 if the kernel has none */
};

/* Starts the network process and its query.  PIVOT: as for query_open().  Returns 0 or an errno value. */
int netproc_start(struct netproc *asker, const struct rdate_request *request, int64_t pivot);

enum netproc_result {
	NETPROC_ANSWER,		/* ANSWER is filled in: an answer, or the reason why there is none */
	NETPROC_GONE,		/* the client has gone */
	NETPROC_FAILED,		/* cannot wait for the process or read from it: errno */
	NETPROC_DIED		/* the process ended without an answer, or sent an invalid one */
};

/*
 * Waits for the answer, at most a second longer than TIMEOUT.  On return the process is gone; without a pidfd it ends
 * with this one.
 */
enum netproc_result netproc_wait(struct netproc *asker, struct hangup *hangup, nanoseconds timeout, struct query_answer *answer);

#endif
