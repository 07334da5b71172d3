/*
 * /run/guestclock: one set at a time, and what the last one told the kernel.
 *
 * The lock file is locked with flock(2) while a request sets the clock: for one order or one correction, never while
 * it waits for a host, a time source or a log.  Its contents are one line, written
 * after each set, by which the next request knows whether the kernel's "synchronised" is our doing or another time
 * service's.  A file that does not parse is taken for one that says nothing.
 */
#ifndef GUESTCLOCK_CLOCK_LOCK_H
#define GUESTCLOCK_CLOCK_LOCK_H

#include <stdbool.h>

#include "lib/sysclock.h"

#define CLOCK_LOCK_DIRECTORY "/run/guestclock"
#define CLOCK_LOCK_FILE CLOCK_LOCK_DIRECTORY "/lock"
#define BOOT_ID_TEXT 40

struct clock_lock {
	int fd;				/* the lock file, or -1 */
	int error;			/* an errno value: why it is -1 */
	char boot_id[BOOT_ID_TEXT];	/* /proc/sys/kernel/random/boot_id, or empty */
	bool unreadable;		/* it is there, and not for us to read */
	bool has_bound;			/* the rest is what we told the kernel, in this boot */
	int64_t bound;			/* maxerror and esterror in microseconds, as the kernel keeps them */
	int64_t bound_before;		/* what was told before that: in force if we were stopped in between */
};

/*
 * Opens the file: with WRITABLE making it if need be.  Without, a missing file is no error, and nothing is made.  0, or
 * an errno value.
 */
int clock_lock_open(struct clock_lock *state, bool writable);

/*
 * Takes the lock to set a clock that was measured at SINCE or later.  Another request needs it for milliseconds: it is
 * waited for, a second at most, without a timer.  0, or an errno value and no lock: EWOULDBLOCK when another request
 * keeps it, ESTALE when the clock was set since SINCE, so that what was measured is no longer true.
 */
int clock_lock_lock(struct clock_lock *state, const struct clock_reading *since);

/* Gives it back. */
void clock_lock_unlock(struct clock_lock *state);

/* What the error of clock_lock_open() or clock_lock_lock() means to the user.  The text holds until the next call. */
const char *clock_lock_complaint(int error);

/* Whether the kernel's clock is synchronised by somebody else. */
bool clock_lock_other_service(const struct clock_lock *state, const struct sysclock_state *kernel);

/*
 * Tells the kernel that its clock is right within BOUND (sysclock_set_bound()), and records that it was us.  In this
 * order: record, tell; where it cannot be recorded, nothing is told.  0, or an errno value.
 */
int clock_lock_record_bound(struct clock_lock *state, nanoseconds bound);

#endif
