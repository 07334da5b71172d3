/*
 * rfc868: the octets are 8 of the pivot, 8 and 8 of the clock before and after, and 4 of a count, with the resulting
 * offset.
 */
#include "fuzz.h"

#include "lib/offset_interval.h"
#include "lib/rfc868.h"
#include "lib/rfc868.h"
#include "set/set_options.h"

static int64_t
take_64(const uint8_t *from)
{
	uint64_t value = 0;

	for (int at = 0; at < 8; at++)
		value = value << 8 | from[at];
	return (int64_t)value;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t octets[RFC868_OCTETS], back[RFC868_OCTETS];
	nanoseconds sent, received;
	struct interval offset;
	int64_t pivot, second;

	if (size != 24 + RFC868_OCTETS)
		return 0;
	/* The middles that --not-before and --not-after can have: 1970 to 2194. */
	pivot = (int64_t)((uint64_t)take_64(data) % UINT64_C(7068902401));
	sent = take_64(data + 8);
	received = take_64(data + 16);
	memcpy(octets, data + 24, sizeof octets);
	second = rfc868_decode(octets, pivot);
	REQUIRE(second >= pivot - RFC868_ERA / 2 && second < pivot + RFC868_ERA / 2);
	rfc868_encode(second, back);
	REQUIRE(memcmp(octets, back, sizeof back) == 0);
	/* It fits into nanoseconds. */
	REQUIRE(second + 1 <= SECONDS_MAX && second >= -SECONDS_MAX);
	offset = interval_measured(sent, received, second * NS_PER_SECOND, (second + 1) * NS_PER_SECOND);
	REQUIRE(offset.low <= offset.high);
	REQUIRE(interval_middle(offset) >= offset.low && interval_middle(offset) <= offset.high);
	REQUIRE(interval_contains_zero(offset) == (offset.low <= 0 && offset.high >= 0));
	return 0;
}
