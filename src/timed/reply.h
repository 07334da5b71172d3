/* What all ways to reply share: the options, the reply, and log lines. */
#ifndef GUESTCLOCK_REPLY_H
#define GUESTCLOCK_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"
#include "lib/rfc868.h"

/* in.timed.c sets these by the command line, before serve(). */
extern struct reply_options {
	uint32_t idle_seconds;	/* wait mode: exit after this time without a request */
	bool log_answers;	/* log a line to syslog for each reply */
	bool require_sync;	/* reply only while the kernel reports that its clock is synchronised */
} reply_options;

/*
 * Reads the clock and writes the reply into OCTETS: the current second's count (lib/rfc868.h).  Returns false if the
 * clock reads a time before this program's release, or if require_sync forbids a reply.  The caller must then send no
 * reply (RFC 868).  The reason goes to syslog if MAY_LOG is NULL or MAY_LOG() returns true.
 */
bool reply_time(uint8_t octets[RFC868_OCTETS], bool (*may_log)(void));

/* Log a refusal, or, if log_answers is set, a reply.  PEER is unmapped (lib/peer.h).  TRANSPORT is "tcp" or "udp". */
void reply_log_refusal(const union peer *peer, const char *transport);
void reply_log(const union peer *peer, const char *transport);

/*
 * Logs a line to syslog for each system call that failed because the filter does not list it: once for a call, and at
 * most FILTER_MISSED lines (lib/filter.h) in the life of a process.
 */
void reply_log_missed(void);

#endif
