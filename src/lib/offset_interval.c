/* Interval arithmetic on offsets: see offset_interval.h. */
#include "lib/offset_interval.h"

struct interval
interval_measured(nanoseconds sent, nanoseconds received, nanoseconds earliest, nanoseconds latest)
{
	nanoseconds first = sent < received ? sent : received;
	nanoseconds last = sent < received ? received : sent;

	return (struct interval){ ns_subtract(first, latest), ns_subtract(last, earliest) };
}

nanoseconds
interval_middle(struct interval interval)
{
	/* Halve the width, not the sum of the ends: the width always fits into 64 bits unsigned, the sum does not. */
	return interval.low + (nanoseconds)(((uint64_t)interval.high - (uint64_t)interval.low) / 2);
}

nanoseconds
interval_bound(struct interval interval)
{
	uint64_t width = (uint64_t)interval.high - (uint64_t)interval.low, half = width / 2 + width % 2;

	/* Half of the widest interval, rounded up, is INT64_MAX + 1. */
	return half > INT64_MAX ? INT64_MAX : (nanoseconds)half;
}

bool
interval_contains_zero(struct interval interval)
{
	return interval.low <= 0 && interval.high >= 0;
}

struct interval
interval_widened(struct interval interval, nanoseconds margin)
{
	return (struct interval){ ns_subtract(interval.low, margin), ns_add(interval.high, margin) };
}
