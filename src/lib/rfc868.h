/*
 * Seconds since 1900 on the wire: RFC 868, the Time Protocol, and the era of a 32-bit count.
 *
 * RFC 868 and NTP (RFC 5905, section 6) count seconds since 1900-01-01 00:00:00 UTC modulo 2^32.  The count wraps at
 * 2036-02-07 06:28:16 UTC and then every 136 years, so a count alone does not identify a time: decoding needs a pivot
 * within 68 years of the truth.  From 2038 on, the clock of a guest that restarts in 1970 is no such pivot; the middle
 * of the range of times that the administrator allows is one.  An RFC 868 server sends the count of the current second,
 * so a count T means a time in [T, T + 1).
 *
 * Pure.  Unix seconds here are signed, since 1970-01-01 00:00:00 UTC, without leap seconds.
 */
#ifndef GUESTCLOCK_RFC868_H
#define GUESTCLOCK_RFC868_H

#include <stdint.h>

#define RFC868_OCTETS 4
#define RFC868_PORT 37
#define RFC868_ERA (INT64_C(1) << 32)	/* seconds */
/* From 1900 to 1970: 70 years, 17 of them leap years (RFC 868's example: 2208988800 is 1970-01-01). */
#define RFC868_1900_TO_1970 INT64_C(2208988800)

/* The count of a time.  Every time has one; times that are 2^32 seconds apart have the same count. */
uint32_t rfc868_count(int64_t unix_seconds);

/*
 * The one time in [near - 2^31, near + 2^31) whose count is COUNT, in Unix seconds.  Zero is a count like any other.
 * NEAR must lie within 2^62 of zero.
 */
int64_t rfc868_nearest(uint32_t count, int64_t near);

/* Writes the count of a time as four octets, most significant first. */
void rfc868_encode(int64_t unix_seconds, uint8_t out[RFC868_OCTETS]);

/* The time nearest to NEAR whose count is in the four octets; see rfc868_nearest(). */
int64_t rfc868_decode(const uint8_t in[RFC868_OCTETS], int64_t near);

#endif
