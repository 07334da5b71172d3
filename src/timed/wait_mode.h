/*
 * Wait mode: what a process that serves one socket until it is idle looks after besides answering.
 *
 * One process serves one socket, so there is one state.  Time is counted in the superserver's ticks, of a second each:
 * they cost no system call.
 */
#ifndef GUESTCLOCK_WAIT_MODE_H
#define GUESTCLOCK_WAIT_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"
#include "timed/dispatch.h"

/* Follows the superserver, looks at the tables, gives up privileges.  STATUS_DONE, or what syslog was told. */
enum status wait_mode_start(const struct reply_options *service);

/* Whether a tick has passed that wait_mode_tick() has not seen. */
bool wait_mode_ticked(void);

/* What each tick asks for.  False when it is time to leave. */
bool wait_mode_tick(void);

/* Whether it is time to leave however busy the socket is: the superserver may be gone, or a rule wants what is given up. */
bool wait_mode_must_leave(void);

/* The last tick seen by wait_mode_tick(); it may wrap. */
uint32_t wait_mode_now(void);

/* A request has come: the idle time starts anew. */
void wait_mode_busy(void);

/* Whether PEER (unmapped) may be answered, by the cache or by libwrap.  Logs a refusal.  FD as for access_allows(). */
bool wait_mode_allows(const union peer *peer, int fd, const char *transport);

/* reply_time(), with a bound on what is logged. */
bool wait_mode_time(int64_t *seconds);

/* Whether one more line may be logged. */
bool wait_mode_may_log(void);

/* What an error of accept(2) or recvmsg(2) is. */
enum trouble {
	TROUBLE_NONE,		/* the next call may do */
	TROUBLE_EMPTY,		/* nothing there: the socket turns out to be non-blocking */
	TROUBLE_PASSING,	/* no descriptors, no memory: later */
	TROUBLE_FATAL
};
enum trouble wait_mode_trouble(int error);

/* After an error that may pass: until the next tick at most, without spinning. */
void wait_mode_pause(void);

/* Waits until FD is readable, for a tick at most. */
void wait_mode_readable(int fd);

#endif
