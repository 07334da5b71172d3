/*
 * /run/guestclock, or the directory of --state: the lock for setting the clock, the error bound that guestclock-set last
 * set in the kernel, and the account of the clock's movements (set/movement_account.h).
 *
 * A request holds the lock (flock(2)) while it sets the clock: for one order or one correction, never while it waits
 * for a host, a time source or a log.  The lock file contains two lines.  The first has the boot id, that bound and the
 * one before: from it the next request learns whether guestclock-set or another time service made the kernel's clock
 * "synchronised".  The second is the account.  Requests without --max-step and --max-back do not count their steps and
 * slews in it; they number their sets there, but set the clock also if it cannot be written.  If the first line is damaged
 * or of another boot, the file counts as empty.
 *
 * Functions that return int return 0 or an errno value, and report nothing.  guest_clock_complaint() makes the message
 * for an error of guest_clock_open() or guest_clock_lock(), and guest_clock_set_complaint() for one of the others.
 */
#ifndef GUESTCLOCK_GUEST_CLOCK_H
#define GUESTCLOCK_GUEST_CLOCK_H

#include <signal.h>
#include <stdbool.h>

#include "lib/sysclock.h"
#include "set/movement_account.h"

#define GUEST_CLOCK_DIRECTORY "/run/guestclock"
#define GUEST_CLOCK_DIRECTORY_MOST 100	/* octets of another directory's path */

struct guest_clock {
	int fd;				/* the lock file, or -1 */
	const char *directory;		/* in which the lock file is */
	int error;			/* if fd is -1, why: an errno value (EACCES: this user may not open it) */
	char boot_id[SYSCLOCK_BOOT_ID];	/* /proc/sys/kernel/random/boot_id, or empty: then boot_error says why */
	int boot_error;			/* an errno value: why there is no boot id */
	bool has_bound;			/* the file has valid bounds, from this boot */
	int64_t bound;			/* the last bound, set as maxerror and esterror; microseconds */
	int64_t bound_before;		/* the bound before: still the kernel's if a request was killed after it wrote bound */
	/* As they were at the last guest_clock_lock() or guest_clock_peek(), with the sets since then: */
	struct clock_reading now;
	struct account account;		/* the clock's movements and the number of the last set */
	struct sysclock_state kernel;
	int kernel_error;		/* an errno value: why the kernel's clock state could not be read; 0: it was */
	bool numbered;			/* the set depends on a number: no set without one of its own */
	int read_error;			/* an errno value: why the file could not be read */
	int write_error;		/* an errno value: why the last account or bound could not be written */
	sigset_t signals;		/* the signals that were blocked before the lock */
};

/*
 * Opens and reads the file "lock" in DIRECTORY, a path that must stay valid.  With WRITABLE, for locking: makes the file
 * and its directory if they are missing.  Without it, for reading: makes nothing, and returns 0 even if the file cannot
 * be opened.
 */
int guest_clock_open(struct guest_clock *state, const char *directory, bool writable);

/*
 * Locks the clock, to set it by a measurement that began at SINCE or later, or when *SETS was the number of the last set
 * (NULL: only to read, or no number), and reads the file and the kernel's state.  If another request holds the lock, tries
 * again for a second at most, without a timer.  After an error the caller does not hold the lock.  EWOULDBLOCK: another
 * request still holds it.  ESTALE: the clock was set since SINCE or since the set *SETS, so the measurement is not valid.
 * If the file could not be read, *SETS cannot be compared: then read_error.
 * EIDRM: the file was removed since it was opened, so other requests lock another.  After success signals are blocked,
 * so that none that a process may block ends this one between the record of a movement, the movement and its log line.
 */
int guest_clock_lock(struct guest_clock *state, const struct clock_reading *since, const int64_t *sets);

/*
 * Reads as guest_clock_lock() does, without the lock: for what is not carried out.  The number of the last set may be that
 * of a set that is just being carried out, so it is of no use for an order.
 */
void guest_clock_peek(struct guest_clock *state);

/* Releases the lock. */
void guest_clock_unlock(struct guest_clock *state);

/* Lets signals end this process again: after the unlock, and after the log line. */
void guest_clock_admit_signals(const struct guest_clock *state);

/*
 * The messages to the user for ERROR of guest_clock_open() or guest_clock_lock(), and for ERROR of guest_clock_move(),
 * guest_clock_rate() or guest_clock_record_bound(); valid until the next call.
 */
const char *guest_clock_complaint(const struct guest_clock *state, int error);
const char *guest_clock_set_complaint(const struct guest_clock *state, int error);

/*
 * Whether another time service has synchronised the kernel's clock.  True of every synchronised clock whose maxerror
 * and esterror in KERNEL do not come from a bound in STATE.
 */
bool guest_clock_other_service(const struct guest_clock *state, const struct sysclock_state *kernel);

/*
 * Steps the clock by CORRECTION (sysclock_step(), MOVED) or slews it (sysclock_slew(), MOVED is not changed).  If
 * MAX_STEP or MAX_BACK is not INT64_MAX, counts it in the account.  Numbers and counts first: if it counts, or the set
 * depends on a number, and the account cannot be written, the clock is not changed.  The caller holds the lock, and has
 * judged CORRECTION by these limits.
 */
int guest_clock_move(struct guest_clock *state, nanoseconds max_step, nanoseconds max_back, bool slew,
    nanoseconds correction, nanoseconds *moved);

/*
 * Sets the rate correction, in parts per 10^9 (sysclock_rate()), and records it first.  Changes nothing if it is in force.
 * The caller holds the lock.
 */
int guest_clock_rate(struct guest_clock *state, int64_t ppb);

/*
 * For a request that orders no rate itself: if the rate in force is one that an earlier request ordered, sets the one
 * from before the first such order.  Returns the rate that was undone, in parts per 10^9; 0: none, or that failed.  The
 * caller holds the lock.
 */
int64_t guest_clock_undo_rate(struct guest_clock *state);

/*
 * Writes BOUND into the lock file, and then sets the kernel's maxerror and esterror to it (sysclock_set_bound()).
 * If the first fails, the kernel's are not changed.  The caller holds the lock and keeps BOUND within
 * SYSCLOCK_BOUND_MAX.
 */
int guest_clock_record_bound(struct guest_clock *state, nanoseconds bound);

#endif
