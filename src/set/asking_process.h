/*
 * The asking process, which talks to the time source.
 *
 * It cannot set the clock: it has no capability, and its filter forbids the calls.  It enters that filter before it
 * looks up a name, and a narrower one, which forbids new sockets and files, before it reads the source's answer.  The
 * process that sets the clock cannot use the network.  The answer goes through a pipe as one struct query_answer, which
 * query_answer.h checks when it arrives.
 */
#ifndef GUESTCLOCK_ASKING_PROCESS_H
#define GUESTCLOCK_ASKING_PROCESS_H

#include <stdint.h>

#include "lib/status.h"
#include "set/hangup.h"
#include "set/query.h"
#include "set/request.h"

struct asking_process {
	int pid;
	int pipe;		/* the end to read from */
	int handle;		/* a pidfd; -1 if the kernel has none */
};

/* Starts the asking process and its query.  PIVOT decides the era, in Unix seconds: see rfc868_nearest().  Returns 0 or an errno value. */
int asking_process_start(struct asking_process *asker, const struct rdate_request *request, int64_t pivot);

/*
 * Waits for the ANSWER to REQUEST, at most a second longer than its timeout.  An answer may also be the reason why the
 * source has none.  If the client or the process has gone, or the wait fails, reports that and returns its exit status.
 * On return the process is gone; without a pidfd it ends with this one.
 */
enum status asking_process_wait(struct asking_process *asker, const struct rdate_request *request, struct hangup *hangup,
    struct query_answer *answer);

#endif
