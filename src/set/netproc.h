/*
 * The part that talks to the time source, in a process of its own.
 *
 * It cannot set the clock: it has no capability and a filter without the calls, entered before a name is looked up; a
 * closer one, without sockets and files, is entered before the source's answer is read.  The part that sets cannot use
 * the network.  Between them goes one struct answer through a pipe, which query_answer.h checks when it comes out.
 */
#ifndef GUESTCLOCK_NETPROC_H
#define GUESTCLOCK_NETPROC_H

#include <stdint.h>

#include "set/query.h"
#include "set/request.h"
#include "set/session.h"

struct asker {
	int pid;
	int pipe;		/* the end to read from */
	int handle;		/* a pidfd; -1 where the kernel has none */
};

/* Starts asking.  PIVOT as for timeclient_open().  0, or an errno value. */
int asker_start(struct asker *asker, const struct rdate_request *request, int64_t pivot);

enum asked {
	ASKED_ANSWER,		/* ANSWER is filled in: an answer, or why there is none */
	ASKED_GONE,		/* the client has gone */
	ASKED_FAILED,		/* the process cannot be heard: errno */
	ASKED_DIED		/* the process ended without a word, or sent what it must not */
};

/* Waits for the answer, at most TIMEOUT and a little more.  The process is gone when this returns, or goes with this one. */
enum asked asker_wait(struct asker *asker, struct session *session, nanoseconds timeout, struct answer *answer);

#endif
