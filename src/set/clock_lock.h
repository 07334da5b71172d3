/*
 * /run/guestclock: the lock for setting the clock, and the bound that was last set in the kernel.
 *
 * A request holds the lock (flock(2)) while it sets the clock: for one order or one correction, never while it waits
 * for a host, a time source or a log.  The lock file contains one line, written after each set.  From it the next
 * request learns whether guestclock or another time service made the kernel's clock "synchronised".  A file that does
 * not parse counts as empty.
 *
 * Functions that return int return 0 or an errno value, and report nothing.  The caller does: for the errors of the first
 * two by clock_lock_complaint().
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
	int error;			/* an errno value: why fd is -1 (EACCES: the file exists) */
	char boot_id[BOOT_ID_TEXT];	/* /proc/sys/kernel/random/boot_id, or empty */
	bool has_bound;			/* the bounds below were set in the kernel since it booted */
	int64_t bound;			/* maxerror and esterror in microseconds, as the kernel holds them */
	int64_t bound_before;		/* the one before: in force if a request was killed before setting bound */
};

/* Opens the file.  WRITABLE: makes it if it is missing.  Otherwise makes nothing and always returns 0: it may be missing. */
int clock_lock_open(struct clock_lock *state, bool writable);

/*
 * Locks, in order to set a clock that was measured at SINCE or later.  Another request holds the lock for milliseconds:
 * this waits for it, a second at most, without a timer.  After an error there is no lock.  EWOULDBLOCK: another
 * request still holds it.  ESTALE: the clock was set since SINCE, so that the measurement is no longer valid.
 */
int clock_lock_lock(struct clock_lock *state, const struct clock_reading *since);

/* Releases the lock. */
void clock_lock_unlock(struct clock_lock *state);

/* The message to the user for ERROR of clock_lock_open() or clock_lock_lock(); valid until the next call. */
const char *clock_lock_complaint(int error);

/* Whether another time service has synchronised the kernel's clock. */
bool clock_lock_other_service(const struct clock_lock *state, const struct sysclock_state *kernel);

/*
 * Sets the kernel's bound on the clock's error to BOUND (sysclock_set_bound()), and records that guestclock set it.
 * Records first: if that fails, the kernel's bound is not changed.
 */
int clock_lock_record_bound(struct clock_lock *state, nanoseconds bound);

#endif
