/*
 * RFC 868, the Time Protocol: the four octets.
 *
 * Seconds since 1900-01-01 00:00:00 UTC as 32 bits, most significant octet first, wrapping (era.h).  The server's
 * clock read TIME when its second had that number, so a received count T means a time in [T, T + 1).
 *
 * Pure.
 */
#ifndef GUESTCLOCK_RFC868_H
#define GUESTCLOCK_RFC868_H

#include <stdint.h>

#define RFC868_OCTETS 4
#define RFC868_PORT 37

/* Writes the four octets for a time in Unix seconds; any time has some. */
void rfc868_encode(int64_t unix_seconds, uint8_t out[RFC868_OCTETS]);

/* The time nearest to NEAR (Unix seconds) that the four octets can mean; see era_nearest(). */
int64_t rfc868_decode(const uint8_t in[RFC868_OCTETS], int64_t near);

#endif
