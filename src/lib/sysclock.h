/*
 * The system clock.  The only file that reads, sets or slews it.
 *
 * Times: nanoseconds since the epoch (nstime.h).  Offsets: guest minus truth, so a correction is minus the
 * offset.  Sources: clock_gettime(2), clock_settime(2), adjtimex(2) (ADJ_SETOFFSET, ADJ_STATUS, ADJ_MAXERROR,
 * ADJ_ESTERROR, ADJ_OFFSET_SINGLESHOT).  Functions that return int return 0, or an errno value.
 */
#ifndef GUESTCLOCK_SYSCLOCK_H
#define GUESTCLOCK_SYSCLOCK_H

#include <stdbool.h>

#include "lib/nstime.h"

/* The kernel's slew by adjtime is an int of microseconds kept as seconds: glibc refuses more than this. */
#define SYSCLOCK_SLEW_MAX (INT64_C(2145) * NS_PER_SECOND)

/*
 * CLOCK_REALTIME, by clock_gettime: never time(2), which reads the coarse clock and turns the second up to a tick
 * late.
 */
nanoseconds sysclock_now(void);

/* CLOCK_MONOTONIC_RAW: what steps and slews do not touch. */
nanoseconds sysclock_elapsed(void);

/* Both at one moment: the closest pair of a few. */
struct clock_reading sysclock_read(void);

/* The kernel's view of its clock: adjtimex(2). */
struct sysclock_state {
	bool synchronised;	/* STA_UNSYNC is clear and the clock is not in error */
	nanoseconds maxerror;	/* the bound on the error, 500 ppm wider each second */
	nanoseconds esterror;	/* the estimated error */
	nanoseconds slew_left;	/* what adjtime(3) has still to add; sign of the correction */
	int64_t frequency_ppb;	/* frequency correction in parts per 10^9, positive: runs faster */
	int64_t tick_us;	/* microseconds added per tick of a USER_HZ-th of a second, 10000 as a rule */
};

int sysclock_state(struct sysclock_state *state);

/*
 * Adds CORRECTION to the clock at once, and tells by how much it MOVED against the clock that nobody can set: another
 * program may have set it too.  One atomic system call (ADJ_SETOFFSET) where the kernel has it, else read,
 * add, set.  Ends any slew that is under way, and leaves the kernel unsynchronised.
 */
int sysclock_step(nanoseconds correction, nanoseconds *moved);

/* Offsets up to this are slewed, and larger ones stepped, unless a request says otherwise. */
#define SYSCLOCK_SLEW_BELOW (100 * NS_PER_MILLISECOND)

/* While another time service keeps the clock to less than this, it is left alone. */
#define SYSCLOCK_RESPECT_BELOW NS_PER_SECOND

/* Lets the kernel work CORRECTION off at 500 ppm (adjtime(3)), in place of any slew under way. */
int sysclock_slew(nanoseconds correction);

/* The kernel takes ticks of 9,000 to 11,000 us and 500 ppm of frequency beside them: the ticks alone span 10 %. */
#define SYSCLOCK_RATE_MAX INT64_C(100000000)	/* parts per 10^9 */

/*
 * Splits a rate in parts per 10^9, at most SYSCLOCK_RATE_MAX either way, into the kernel's tick (us per USER_HZ-th) and
 * frequency (2^-16 ppm).
 */
static inline void
sysclock_split_rate(int64_t ppb, int64_t *tick_us, int64_t *frequency)
{
	/* One microsecond of the 10,000 of a tick is 100 ppm; the rest, at most 50 ppm either way, is frequency. */
	int64_t ticks = (ppb + (ppb < 0 ? -50000 : 50000)) / 100000;

	*tick_us = 10000 + ticks;
	*frequency = (ppb - ticks * 100000) * 65536 / 1000;
}

/* Sets the frequency correction, in parts per 10^9, at most SYSCLOCK_RATE_MAX either way. */
int sysclock_rate(int64_t ppb);

/* The correction that tick and frequency make together, in parts per 10^9; where it cannot be read, SYSCLOCK_RATE_MAX. */
int64_t sysclock_rate_in_force(void);

/* Sets the kernel's bound on its clock's error to MAXERROR, and its estimate to ESTERROR; clears STA_UNSYNC. */
int sysclock_set_bound(nanoseconds maxerror, nanoseconds esterror);

#endif
