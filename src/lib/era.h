/*
 * Which era a 32-bit count of seconds since 1900 belongs to.
 *
 * RFC 868 and NTP (RFC 5905, section 6) count seconds since 1900-01-01 00:00:00 UTC modulo 2^32.  The count wraps
 * at 2036-02-07 06:28:16 UTC and every 136 years.  A count alone names no time: a reader needs a time known to be
 * within 68 years of the truth.  The local clock is no such time in a guest that woke up in 1970; the middle of
 * the times that the administrator allows is.
 *
 * Pure.  Unix seconds here are signed, since 1970-01-01 00:00:00 UTC, without leap seconds.
 */
#ifndef GUESTCLOCK_ERA_H
#define GUESTCLOCK_ERA_H

#include <stdint.h>

#define ERA_SECONDS (INT64_C(1) << 32)
/* From 1900 to 1970: 70 years, 17 of them leap years (RFC 868's example: 2208988800 is 1970-01-01). */
#define SECONDS_1900_TO_1970 INT64_C(2208988800)

/* The count on the wire for a time.  Every time has one; times 2^32 seconds apart share theirs. */
uint32_t era_count(int64_t unix_seconds);

/*
 * The one time in [near - 2^31, near + 2^31) whose count is COUNT, in Unix seconds.  Zero is a count like any
 * other.  NEAR must lie within 2^62 of zero.
 */
int64_t era_nearest(uint32_t count, int64_t near);

#endif
