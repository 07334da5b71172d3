/*
 * Wait mode: one process serves one socket until no request came for the idle time (-i).  This file does all but the
 * replies: access, log lines, idle time, errors, and the exit when the superserver ends.
 *
 * One process serves one socket, so there is one state.  Time is counted in ticks of a second each, by SIGALRM: to read
 * their count costs no system call.
 *
 * Danger: while this process lives, the socket stays open, and a restarted superserver cannot bind the same port.  So
 * this process ends when the superserver ends.
 */
#ifndef GUESTCLOCK_WAIT_MODE_H
#define GUESTCLOCK_WAIT_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"
#include "timed/dispatch.h"

/*
 * Starts wait mode: starts the ticks, asks for SIGTERM when the superserver ends, reads the tables, enters the sandbox
 * unless a rule forbids it (access_may_run()).  Returns STATUS_DONE, or STATUS_SYSTEM after a line in syslog.
 */
enum status wait_mode_start(void);

/* Whether a tick has passed since the last wait_mode_tick(). */
bool wait_mode_ticked(void);

/*
 * The work of each tick: reads changed tables, then enters the sandbox if no rule forbids it any longer, and logs the
 * number of suppressed lines.  Returns false if the process must exit: after the idle time, or by
 * wait_mode_must_leave().  If entering the sandbox fails, exits with STATUS_SYSTEM, after a line in syslog.
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

/*
 * Whether the cache or libwrap allows PEER (unmapped).  FD is the socket of its connection, or -1.  Logs a refusal if
 * wait_mode_may_log() returns true; TRANSPORT, "tcp" or "udp", is part of that line.
 */
bool wait_mode_allows(const union peer *peer, int fd, const char *transport);

/* Whether the limit (log_limit.h) allows one more log line, which the caller must then log. */
bool wait_mode_may_log(void);

/*
 * Call this after accept4(2) or recvmmsg(2) on FD failed with errno.  If another call at once would be of no use,
 * waits, at most until the next tick.  Logs "cannot WHAT": for TROUBLE_FATAL always, for TROUBLE_PASSING within the
 * limit (wait_mode_may_log()), for TROUBLE_NONE never.
 */
enum trouble {
	TROUBLE_NONE,		/* a signal, no request, or an error of one client */
	TROUBLE_PASSING,	/* no free descriptor or no memory: close the connections that need no reply, if any */
	TROUBLE_FATAL		/* any other error: exit */
};
enum trouble wait_mode_trouble(int fd, const char *what);

#endif
