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
enum status waiting_start(const struct service *service);

/* Whether a tick has passed that waiting_tick() has not seen. */
bool waiting_ticked(void);

/* What each tick asks for.  False when it is time to leave. */
bool waiting_tick(void);

/* Whether it is time to leave however busy the socket is: the superserver may be gone, or a rule wants what is given up. */
bool waiting_must_leave(void);

/* The last tick seen by waiting_tick(); it may wrap. */
uint32_t waiting_now(void);

/* A request has come: the idle time starts anew. */
void waiting_busy(void);

/* Whether PEER (unmapped) may be answered, by the cache or by libwrap.  Logs a refusal.  FD as for access_allows(). */
bool waiting_allows(const union peer *peer, int fd, const char *transport);

/* service_time(), with a bound on what is logged. */
bool waiting_time(int64_t *seconds);

/* Whether one more line may be logged. */
bool waiting_may_log(void);

/* What an error of accept(2) or recvmsg(2) is. */
enum trouble {
	TROUBLE_NONE,		/* the next call may do */
	TROUBLE_EMPTY,		/* nothing there: the socket turns out to be non-blocking */
	TROUBLE_PASSING,	/* no descriptors, no memory: later */
	TROUBLE_FATAL
};
enum trouble waiting_trouble(int error);

/* After an error that may pass: until the next tick at most, without spinning. */
void waiting_pause(void);

/* Waits until FD is readable, for a tick at most. */
void waiting_readable(int fd);

#endif
