/*
 * The system clock.  Only sysclock.c sets or slews it.  All other files read it by the functions below, except
 * acl_file.c, which reads the coarse clock.
 *
 * Times: nanoseconds since the epoch (nstime.h).  Offsets: guest minus truth, so a correction is minus the offset.
 * Sources: clock_gettime(2), clock_settime(2), adjtimex(2), adjtime(3).  Functions that return int return 0 or an errno
 * value.
 */
#ifndef GUESTCLOCK_SYSCLOCK_H
#define GUESTCLOCK_SYSCLOCK_H

#include <stdbool.h>

#include "lib/nstime.h"

/* The largest correction for adjtime(3): it counts microseconds in an int, so glibc refuses more than 2145 s. */
#define SYSCLOCK_SLEW_MAX (INT64_C(2145) * NS_PER_SECOND)

/* The kernel calls a clock with more error than this unsynchronised (NTP_PHASE_LIMIT) and keeps no larger bound. */
#define SYSCLOCK_BOUND_MAX (16 * NS_PER_SECOND)

/* CLOCK_REALTIME, by clock_gettime(2).  time(2) reads the coarse clock, whose second begins up to a tick late. */
nanoseconds sysclock_now(void);

/* CLOCK_MONOTONIC_RAW, which steps and slews do not affect. */
nanoseconds sysclock_elapsed(void);

/* CLOCK_REALTIME and CLOCK_MONOTONIC_RAW at one moment: the first pair read within 1 us, or the closest of three. */
struct clock_reading sysclock_read(void);

/* Four clocks at one moment, read within WIDTH: the first set read within 1 us, or the closest of three. */
struct sysclock_set {
	nanoseconds raw, real, boot, monotonic, width;
};
struct sysclock_set sysclock_read_set(void);

/* Reads the kernel's boot id (random(4)).  Returns 0, or an errno value with an empty ID. */
#define SYSCLOCK_BOOT_ID 40
int sysclock_boot_id(char id[SYSCLOCK_BOOT_ID]);

/* The kernel's clock state: adjtimex(2). */
struct sysclock_state {
	bool synchronised;	/* STA_UNSYNC is clear, and adjtimex(2) did not return TIME_ERROR */
	nanoseconds maxerror;	/* the bound on the error, which grows by 500 ppm */
	nanoseconds esterror;	/* the estimated error */
	nanoseconds slew_left;	/* what a slew by adjtime(3) must still add to the clock */
	int64_t frequency_ppb;	/* frequency correction in parts per 10^9, positive: runs faster */
	int64_t tick_us;	/* microseconds added per tick of 1/USER_HZ second, normally 10000 */
	int64_t rate_ppb;	/* the whole correction by tick and frequency, parts per 10^9; INT64_MAX: unknown */
};

/* After an error, STATE is all zero but for the rate, which is unknown. */
int sysclock_state(struct sysclock_state *state);

/*
 * Adds CORRECTION to the clock at once.  Sets *MOVED, also after an error, to how far the clock moved against
 * CLOCK_MONOTONIC_RAW, which nobody can set: another program may have set the clock too.  Uses one atomic system call
 * (ADJ_SETOFFSET) if the kernel has it; otherwise reads, adds and sets.  Ends any slew in progress and sets STA_UNSYNC.
 */
int sysclock_step(nanoseconds correction, nanoseconds *moved);

/* The first correction slews an offset up to this size and steps a larger one, unless a request says otherwise. */
#define SYSCLOCK_SLEW_BELOW (100 * NS_PER_MILLISECOND)

/* A clock that another time service keeps within less than this of the true time is left alone. */
#define SYSCLOCK_RESPECT_BELOW NS_PER_SECOND

/*
 * Makes the kernel slew the clock by CORRECTION at 500 ppm (adjtime(3)).  The caller must keep CORRECTION within
 * SYSCLOCK_SLEW_MAX either way.  Replaces any slew in progress.
 */
int sysclock_slew(nanoseconds correction);

/* The largest rate that is set here: a tick of 9,000 or 11,000 us.  The kernel would add up to 500 ppm of frequency. */
#define SYSCLOCK_RATE_MAX INT64_C(100000000)	/* parts per 10^9 */

/*
 * Splits a rate in parts per 10^9, at most SYSCLOCK_RATE_MAX either way, into the kernel's tick (us per 1/USER_HZ
 * second) and frequency (2^-16 ppm).
 */
static inline void
sysclock_split_rate(int64_t ppb, int64_t *tick_us, int64_t *frequency)
{
	/* One microsecond of a tick's 10,000 is 100 ppm.  The rest, at most 50 ppm either way, becomes frequency. */
	int64_t ticks = (ppb + (ppb < 0 ? -50000 : 50000)) / 100000;

	*tick_us = 10000 + ticks;
	*frequency = (ppb - ticks * 100000) * 65536 / 1000;
}

/* The whole correction by a tick and a frequency (parts per 10^9), whatever numbers they are. */
static inline int64_t
sysclock_rate_ppb(int64_t tick_us, int64_t frequency_ppb)
{
	return ns_add(ns_multiply(ns_subtract(tick_us, 10000), 100000), frequency_ppb);
}

/* Sets tick and frequency to correct by PPB parts per 10^9 in all.  The caller keeps PPB within SYSCLOCK_RATE_MAX. */
int sysclock_rate(int64_t ppb);

/*
 * Sets the kernel's bound on the clock's error to MAXERROR and its estimate of the error to ESTERROR.  The caller must
 * keep both from 0 to SYSCLOCK_BOUND_MAX.  Clears STA_UNSYNC.
 */
int sysclock_set_bound(nanoseconds maxerror, nanoseconds esterror);

#endif
