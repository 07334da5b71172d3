/*
 * An offset as an interval: the true offset lies in [low, high].
 *
 * Offsets are guest minus truth, in nanoseconds: positive if the guest is ahead.  A sum that overflows 64 bits becomes
 * the nearest end of the range, so that a clock that is centuries off is still judged to be centuries off.
 * Pure.
 */
#ifndef GUESTCLOCK_OFFSET_INTERVAL_H
#define GUESTCLOCK_OFFSET_INTERVAL_H

#include <stdbool.h>

#include "lib/nstime.h"

struct interval {
	nanoseconds low, high;	/* low <= high */
};

/*
 * The offset of a guest whose clock read SENT before, and RECEIVED after, the time source read its own clock.  The true
 * time of the source's reading lies in [EARLIEST, LATEST].  If RECEIVED is before SENT (the guest's clock was set
 * meanwhile), the two are exchanged.
 */
struct interval interval_measured(nanoseconds sent, nanoseconds received, nanoseconds earliest, nanoseconds latest);

/* The best estimate: the middle of the interval. */
nanoseconds interval_middle(struct interval interval);

/* The error bound: half the width, rounded up, at most INT64_MAX.  The true offset is within this of the middle. */
nanoseconds interval_bound(struct interval interval);

bool interval_contains_zero(struct interval interval);

/* INTERVAL extended by MARGIN >= 0 on either side. */
struct interval interval_widened(struct interval interval, nanoseconds margin);

#endif
