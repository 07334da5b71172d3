/*
 * Child processes without privileges: they parse what comes from the network in place of the process that sets the
 * clock.
 *
 * A child of root becomes the user and group nobody (65534); only in a user namespace that lacks this group, whose root
 * cannot set the clock either, it stays as it is.  It has no capability and no descriptor except a pipe to its parent,
 * and works in the filter FILTER_RESOLVER.  The kernel kills it when its parent ends.  Its answer comes through the
 * pipe as one structure of fixed size.  The parent must check that structure: what the child read may have taken the
 * child over.
 */
#ifndef GUESTCLOCK_CHILD_H
#define GUESTCLOCK_CHILD_H

#include <stddef.h>

#include "lib/nstime.h"
#include "set/hangup.h"

struct child {
	int pid;
	int pipe;		/* the end to read from */
	int leash[2];		/* both ends of a pipe: the child dies when either is closed */
};

/*
 * What a child does: it fills ANSWER.  TASK is the argument of child_start().  ERROR is 0, or the errno value of a
 * failure to give up privileges: then this function must only report that in ANSWER.
 */
typedef void child_work(const void *task, int error, void *answer);

/*
 * Starts a child that calls WORK and sends ANSWER, of SIZE octets.  ANSWER belongs to the caller, who has set all of it
 * to zero: padding must not carry the memory of a process.  Call this while the process has the privileges that it was
 * started with, which a child of root needs to become nobody.  Returns 0 or an errno value.
 */
int child_start(struct child *child, child_work *work, const void *task, void *answer, size_t size);

enum child_end {
	CHILD_ANSWERED,
	CHILD_ENDED,		/* without a whole answer */
	CHILD_LATE,		/* no whole answer in time */
	CHILD_CLIENT_GONE,	/* the SSH client disconnected before the answer */
	CHILD_UNREADABLE	/* poll(2) or read(2) failed: errno */
};

/*
 * Waits until END, by sysclock_elapsed(), for the ANSWER of SIZE octets, and watches the SSH client.  Then kills the
 * child; on return it is gone.
 */
enum child_end child_wait(struct child *child, struct hangup *hangup, nanoseconds end, void *answer, size_t size);

#endif
