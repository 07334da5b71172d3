/*
 * Shared by all ways to reply: the options, the time to send, and log lines.
 */
#ifndef GUESTCLOCK_REPLY_H
#define GUESTCLOCK_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"

/* in.timed.c sets these by the command line, before serve(). */
extern struct reply_options {
	uint32_t idle_seconds;	/* wait mode: exit after this time without a request */
	bool log_answers;	/* log a line to syslog for each reply */
	bool require_sync;	/* do not reply while the kernel reports its clock as unsynchronised */
} reply_options;

/*
 * Reads the time to send into SECONDS (since 1970, rounded down).  False if the clock reads before this program's
 * release, or if it must be synchronised (require_sync) and is not.  The caller then closes the connection without a
 * reply (RFC 868).  If MAY_LOG, the reason goes to syslog.
 */
bool reply_time(int64_t *seconds, bool may_log);

/* Each logs a line to syslog about PEER (unmapped), a reply only if log_answers; TRANSPORT is "tcp" or "udp". */
void reply_log_refusal(const union peer *peer, const char *transport);
void reply_log(const union peer *peer, const char *transport);

/*
 * Logs a line to syslog for each system call that failed because the filter does not list it: once for a call, and at
 * most FILTER_MISSED lines (lib/filter.h) in the life of a process.
 */
void reply_log_missed(void);

#endif
