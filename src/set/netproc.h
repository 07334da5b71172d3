/*
 * The part that talks to the time source, in a process of its own.
 *
 * It cannot set the clock: it has no capability and a filter without the calls, entered before a name is looked up; a
 * closer one, without sockets and files, is entered before the source's answer is read.  The part that sets cannot use
 * the network.  Between them goes one struct query_answer through a pipe, which query_answer.h checks when it comes out.
 */
#ifndef GUESTCLOCK_NETPROC_H
#define GUESTCLOCK_NETPROC_H

#include <stdint.h>

#include "set/query.h"
#include "set/request.h"
#include "set/session.h"

struct netproc {
	int pid;
	int pipe;		/* the end to read from */
	int handle;		/* a pidfd; -1 where the kernel has none */
};

/* Starts asking.  PIVOT as for query_open().  0, or an errno value. */
int netproc_start(struct netproc *asker, const struct rdate_request *request, int64_t pivot);

enum netproc_result {
	NETPROC_ANSWER,		/* ANSWER is filled in: an answer, or why there is none */
	NETPROC_GONE,		/* the client has gone */
	NETPROC_FAILED,		/* the process cannot be heard: errno */
	NETPROC_DIED		/* the process ended without a word, or sent what it must not */
};

/* Waits for the answer, at most TIMEOUT and a little more.  The process is gone when this returns, or goes with this one. */
enum netproc_result netproc_wait(struct netproc *asker, struct session *session, nanoseconds timeout, struct query_answer *answer);

#endif
