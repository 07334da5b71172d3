/* Seconds since 1900 on the wire: see rfc868.h. */
#include "lib/rfc868.h"

uint32_t
rfc868_count(int64_t unix_seconds)
{
	return (uint32_t)((uint64_t)unix_seconds + (uint64_t)RFC868_1900_TO_1970);
}

int64_t
rfc868_nearest(uint32_t count, int64_t near)
{
	/* This cannot overflow: NEAR lies within 2^62 of zero. */
	int64_t first = near - RFC868_ERA / 2;

	/* The difference modulo 2^32 is the distance from the first time of the range. */
	return first + (int64_t)(uint32_t)(count - rfc868_count(first));
}

void
rfc868_encode(int64_t unix_seconds, uint8_t out[RFC868_OCTETS])
{
	uint32_t count = rfc868_count(unix_seconds);

	out[0] = (uint8_t)(count >> 24);
	out[1] = (uint8_t)(count >> 16);
	out[2] = (uint8_t)(count >> 8);
	out[3] = (uint8_t)count;
}

int64_t
rfc868_decode(const uint8_t in[RFC868_OCTETS], int64_t near)
{
	uint32_t count = (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | (uint32_t)in[3];

	return rfc868_nearest(count, near);
}
