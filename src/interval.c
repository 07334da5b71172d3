/* Interval arithmetic on offsets: see interval.h. */
#include "interval.h"

nanoseconds
ns_add(nanoseconds a, nanoseconds b)
{
	nanoseconds sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

nanoseconds
ns_subtract(nanoseconds a, nanoseconds b)
{
	nanoseconds difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return b < 0 ? INT64_MAX : INT64_MIN;
	return difference;
}

nanoseconds
ns_magnitude(nanoseconds a)
{
	return a == INT64_MIN ? INT64_MAX : a < 0 ? -a : a;
}

struct interval
interval_measured(nanoseconds sent, nanoseconds received, nanoseconds earliest, nanoseconds latest)
{
	nanoseconds first = sent < received ? sent : received;
	nanoseconds last = sent < received ? received : sent;
	struct interval offset = { ns_subtract(first, latest), ns_subtract(last, earliest) };

	return offset;
}

nanoseconds
interval_middle(struct interval interval)
{
	/* Halve the width, not the sum: the width of a measured interval always fits. */
	return interval.low + (nanoseconds)(((uint64_t)interval.high - (uint64_t)interval.low) / 2);
}

nanoseconds
interval_bound(struct interval interval)
{
	uint64_t width = (uint64_t)interval.high - (uint64_t)interval.low;

	return (nanoseconds)(width / 2 + width % 2);
}

bool
interval_contains_zero(struct interval interval)
{
	return interval.low <= 0 && interval.high >= 0;
}

struct interval
interval_widened(struct interval interval, nanoseconds margin)
{
	struct interval wider = { ns_subtract(interval.low, margin), ns_add(interval.high, margin) };

	return wider;
}
