/*
 * Times and offsets as this project carries them: signed 64-bit nanoseconds.
 *
 * Times count from 1970-01-01 00:00:00 UTC, without leap seconds (POSIX "seconds since the Epoch").  The range is
 * the years 1677 to 2262.  Pure.
 */
#ifndef GUESTCLOCK_CLOCKTIME_H
#define GUESTCLOCK_CLOCKTIME_H

#include <stdint.h>

typedef int64_t nanoseconds;

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MILLISECOND INT64_C(1000000)
#define NS_PER_MICROSECOND INT64_C(1000)

/* The whole seconds that may be turned into nanoseconds without overflow: -SECONDS_MAX to SECONDS_MAX. */
#define SECONDS_MAX (INT64_MAX / NS_PER_SECOND - 1)

/* The last whole second at or before a time: floor, also before 1970. */
static inline int64_t
seconds_floor(nanoseconds time)
{
	return time / NS_PER_SECOND - (time % NS_PER_SECOND < 0);
}

/* Both clocks of this machine at one moment, by which a clock that somebody set can be told from one that ran. */
struct clock_reading {
	nanoseconds real;	/* CLOCK_REALTIME */
	nanoseconds raw;	/* CLOCK_MONOTONIC_RAW, read just before it, … */
	nanoseconds width;	/* … and at most this long before it */
};

#endif
