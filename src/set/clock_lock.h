/*
 * /run/guestclock, or the directory of --state: the lock for setting the clock, and the error bound that guestclock-set
 * last set in the kernel.
 *
 * A request holds the lock (flock(2)) while it sets the clock: for one order or one correction, never while it waits
 * for a host, a time source or a log.  The lock file contains one line: that bound and the one before.  From it the
 * next request learns whether guestclock-set or another time service made the kernel's clock "synchronised".  A file
 * that does not parse counts as empty.
 *
 * Functions that return int return 0 or an errno value, and report nothing.  clock_lock_complaint() makes the message
 * for an error of clock_lock_open() or clock_lock_lock(); an error of clock_lock_record_bound() is one for strerror(3).
 */
#ifndef GUESTCLOCK_CLOCK_LOCK_H
#define GUESTCLOCK_CLOCK_LOCK_H

#include <stdbool.h>

#include "lib/sysclock.h"

#define CLOCK_LOCK_DIRECTORY "/run/guestclock"
#define CLOCK_LOCK_DIRECTORY_MOST 100	/* octets of another directory's path */
#define BOOT_ID_TEXT 40

struct clock_lock {
	int fd;				/* the lock file, or -1 */
	const char *directory;		/* in which the lock file is */
	int error;			/* if fd is -1, why: an errno value (EACCES: this user may not open it) */
	char boot_id[BOOT_ID_TEXT];	/* /proc/sys/kernel/random/boot_id, or empty */
	bool has_bound;			/* the file has valid bounds, from this boot */
	int64_t bound;			/* the last bound, set as maxerror and esterror; microseconds */
	int64_t bound_before;		/* the previous bound: the kernel's, if a request was killed before it set bound */
};

/*
 * Opens and reads the file "lock" in DIRECTORY, a path that must stay valid.  With WRITABLE, for locking: makes the file
 * and its directory if they are missing.  Without it, for reading: makes nothing, and returns 0 even if the file cannot
 * be opened.
 */
int clock_lock_open(struct clock_lock *state, const char *directory, bool writable);

/*
 * Locks the clock, to set it by a measurement that began at SINCE or later.  If another request holds the lock, tries
 * again for a second at most, without a timer.  After an error the caller does not hold the lock.  EWOULDBLOCK: another
 * request still holds it.  ESTALE: the clock was set since SINCE, so that the measurement is no longer valid.
 */
int clock_lock_lock(struct clock_lock *state, const struct clock_reading *since);

/* Releases the lock. */
void clock_lock_unlock(struct clock_lock *state);

/* The message to the user for ERROR of clock_lock_open() or clock_lock_lock(); valid until the next call. */
const char *clock_lock_complaint(const struct clock_lock *state, int error);

/*
 * Whether another time service has synchronised the kernel's clock.  True of every synchronised clock whose maxerror
 * and esterror in KERNEL do not come from a bound in STATE.
 */
bool clock_lock_other_service(const struct clock_lock *state, const struct sysclock_state *kernel);

/*
 * Writes BOUND into the lock file, and then sets the kernel's bound on the clock's error to it (sysclock_set_bound()).
 * If the first fails, the kernel's bound is not changed.  The caller holds the lock and keeps BOUND within
 * SYSCLOCK_BOUND_MAX.
 */
int clock_lock_record_bound(struct clock_lock *state, nanoseconds bound);

#endif
