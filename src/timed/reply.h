/*
 * What all ways of answering share: whether there is a time to give, and what the log says.
 */
#ifndef GUESTCLOCK_REPLY_H
#define GUESTCLOCK_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"

struct reply_options {
	unsigned idle_seconds;	/* how long to stay in wait mode without a request: 1 to 3600 */
	bool log_answers;	/* a syslog line for each answer */
	bool require_sync;	/* no answer while the kernel says that its clock is unsynchronised */
};

/*
 * The second to tell, in SECONDS (since 1970): false when there is no time to give (RFC 868: then close without sending
 * anything).  With MAY_LOG the reason goes to syslog.
 */
bool reply_time(const struct reply_options *service, int64_t *seconds, bool may_log);

/* A line in syslog; TRANSPORT is "tcp" or "udp". */
void reply_log_refusal(const union peer *peer, const char *transport);
void reply_log(const union peer *peer, const char *transport);

/* A line in syslog for each call that failed because the filter does not list it: a few in a process's life. */
void reply_log_missed(void);

#endif
