/*
 * Wait mode: one process serves one socket until it is idle.  This file does all but the replies: access, log lines,
 * idle time, errors, and the end of the superserver.
 *
 * One process serves one socket, so there is one state.  Time is counted in ticks of a second each, by SIGALRM: to read
 * their count costs no system call.
 *
 * Danger: while this process lives, the socket stays open, and a restarted superserver cannot bind its port.  So this
 * process ends when the superserver ends.
 */
#ifndef GUESTCLOCK_WAIT_MODE_H
#define GUESTCLOCK_WAIT_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"
#include "timed/dispatch.h"

/*
 * Starts wait mode: the ticks, the link to the superserver, the first reading of the tables, the sandbox.  STATUS_DONE, or
 * STATUS_SYSTEM after a line in syslog.
 */
enum status wait_mode_start(void);

/* Whether a tick has passed since the last wait_mode_tick(). */
bool wait_mode_ticked(void);

/*
 * The work of each tick: changed tables, the sandbox, log lines.  False if the process must exit.  If the sandbox fails,
 * exits with STATUS_SYSTEM, after a line in syslog.
 */
bool wait_mode_tick(void);

/*
 * Whether the process must exit even if the socket is busy: the superserver may be dead, or a rule needs a privilege
 * that this process dropped.
 */
bool wait_mode_must_leave(void);

/* The tick count at the last wait_mode_tick(); may wrap. */
uint32_t wait_mode_now(void);

/* A request arrived: restarts the idle time at 0. */
void wait_mode_busy(void);

/* Whether the cache or libwrap allows PEER (unmapped).  Logs a refusal, within the limit.  FD: see access_allows(). */
bool wait_mode_allows(const union peer *peer, int fd, const char *transport);

/* Whether the limit allows one more log line, which the caller then logs. */
bool wait_mode_may_log(void);

/*
 * accept4(2) or recvmmsg(2) on FD failed with errno: waits, at most until the next tick, until it is of use to call it
 * again.  Logs "cannot WHAT", unless the error is NONE.
 */
enum trouble {
	TROUBLE_NONE,		/* a signal, no request, or an error of one client */
	TROUBLE_PASSING,	/* no free descriptor or no memory: free some, if there are any */
	TROUBLE_FATAL		/* any other error: exit */
};
enum trouble wait_mode_trouble(int fd, const char *what);

#endif
