/* RFC 868's four octets: see rfc868.h. */
#include "lib/rfc868.h"

#include "lib/era.h"

void
rfc868_encode(int64_t unix_seconds, uint8_t out[RFC868_OCTETS])
{
	uint32_t count = era_count(unix_seconds);

	out[0] = (uint8_t)(count >> 24);
	out[1] = (uint8_t)(count >> 16);
	out[2] = (uint8_t)(count >> 8);
	out[3] = (uint8_t)count;
}

int64_t
rfc868_decode(const uint8_t in[RFC868_OCTETS], int64_t near)
{
	uint32_t count = (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | (uint32_t)in[3];

	return era_nearest(count, near);
}
