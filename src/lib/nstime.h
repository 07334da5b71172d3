/*
 * Times and offsets as this project represents them: signed 64-bit nanoseconds.
 *
 * Times count from 1970-01-01 00:00:00 UTC, without leap seconds (POSIX "seconds since the Epoch").  The range is the
 * years 1677 to 2262.  Pure.
 *
 * The ns_ functions below never overflow: a result that does not fit into 64 bits becomes the nearest number that does.
 * Arithmetic on times from a peer, or from a clock that can be set, uses them, unless a comment names the bound that
 * makes the result fit.
 */
#ifndef GUESTCLOCK_NSTIME_H
#define GUESTCLOCK_NSTIME_H

#include <stdint.h>

typedef int64_t nanoseconds;

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MILLISECOND INT64_C(1000000)
#define NS_PER_MICROSECOND INT64_C(1000)

/* The whole seconds from -SECONDS_MAX to SECONDS_MAX can be converted to nanoseconds without overflow. */
#define SECONDS_MAX (INT64_MAX / NS_PER_SECOND - 1)

/* The last whole second at or before a time: rounds down, also before 1970. */
static inline int64_t
seconds_floor(nanoseconds time)
{
	return time / NS_PER_SECOND - (time % NS_PER_SECOND < 0);
}

/* Two clocks read at one moment.  Comparing two such readings shows whether CLOCK_REALTIME was set in between. */
struct clock_reading {
	nanoseconds real;	/* CLOCK_REALTIME */
	nanoseconds raw;	/* CLOCK_MONOTONIC_RAW, at most half the width before or after real */
	nanoseconds width;	/* the time from just before to just after the reading of real */
};

/* The nanoseconds from the whole second seconds_floor(TIME) to TIME: 0 to 999,999,999. */
static inline nanoseconds
seconds_fraction(nanoseconds time)
{
	return time % NS_PER_SECOND + (time % NS_PER_SECOND < 0 ? NS_PER_SECOND : 0);
}

static inline int64_t
ns_least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t
ns_most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static inline nanoseconds
ns_add(nanoseconds a, nanoseconds b)
{
	nanoseconds sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

static inline nanoseconds
ns_subtract(nanoseconds a, nanoseconds b)
{
	nanoseconds difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return b < 0 ? INT64_MAX : INT64_MIN;
	return difference;
}

static inline nanoseconds
ns_multiply(nanoseconds a, int64_t factor)
{
	nanoseconds product;

	if (__builtin_mul_overflow(a, factor, &product))
		return (a < 0) == (factor < 0) ? INT64_MAX : INT64_MIN;
	return product;
}

static inline nanoseconds
ns_from_seconds(int64_t seconds)
{
	return ns_multiply(seconds, NS_PER_SECOND);
}

static inline nanoseconds
ns_magnitude(nanoseconds a)
{
	return a == INT64_MIN ? INT64_MAX : a < 0 ? -a : a;
}

/* Converts to whole microseconds, rounded up: the kernel must not receive a smaller bound than the true one. */
static inline int64_t
ns_to_microseconds_up(nanoseconds bound)
{
	return bound / NS_PER_MICROSECOND + (bound % NS_PER_MICROSECOND > 0);
}

#endif
