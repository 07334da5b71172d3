/* Era arithmetic: see era.h. */
#include "lib/era.h"

uint32_t
era_count(int64_t unix_seconds)
{
	return (uint32_t)((uint64_t)unix_seconds + (uint64_t)SECONDS_1900_TO_1970);
}

int64_t
era_nearest(uint32_t count, int64_t near)
{
	/* NEAR lies within 2^62 of zero. */
	int64_t first = near - ERA_SECONDS / 2;

	/* The difference modulo 2^32 is what has to be added to the first time of the range. */
	return first + (int64_t)(uint32_t)(count - era_count(first));
}
