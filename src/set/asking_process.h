/*
 * The asking process, which talks to the time source.
 *
 * It is a child without privileges (child.h), so it cannot set the clock, and its filters forbid the system calls that
 * set it.  It looks up the source's name in the filter of every such child.  It enters a narrower one, which forbids new
 * sockets and files, before it reads the source's answer.  The calling process, which sets the clock, cannot make a
 * connection.  It gets the answer as one struct query_answer, and checks it by query_answer_valid().
 */
#ifndef GUESTCLOCK_ASKING_PROCESS_H
#define GUESTCLOCK_ASKING_PROCESS_H

#include <stdint.h>

#include "lib/status.h"
#include "set/child.h"
#include "set/hangup.h"
#include "set/query.h"
#include "set/request.h"

/*
 * Starts the asking process and its query.  PIVOT (Unix seconds) decides the era of the source's time: it is the NEAR
 * of rfc868_nearest().  Returns 0 or an errno value.
 */
int asking_process_start(struct child *asker, const struct rdate_request *request, int64_t pivot);

/*
 * Waits for ANSWER, at most a second longer than the timeout of REQUEST, and then ends the asking process.  Returns
 * STATUS_DONE with an answer, whose outcome may be a failure of the query, such as QUERY_TIMEOUT.  If the ssh client has
 * disconnected, the asking process sent no valid answer or the wait fails, reports that and returns STATUS_SYSTEM.
 */
enum status asking_process_wait(struct child *asker, const struct rdate_request *request, struct hangup *hangup,
    struct query_answer *answer);

#endif
