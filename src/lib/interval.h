/*
 * An offset as an interval: it lies somewhere in [low, high].
 *
 * Offsets are guest minus truth, in nanoseconds: positive when the guest is ahead.  Sums that would leave 64 bits
 * stay at the ends of the range, so that a clock that is centuries off is judged as centuries off.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_INTERVAL_H
#define GUESTCLOCK_INTERVAL_H

#include <stdbool.h>

#include "lib/nstime.h"

struct interval {
	nanoseconds low, high;	/* low <= high */
};

/*
 * The offset of a guest whose clock read SENT before, and RECEIVED after, a source read its own clock as a time
 * somewhere in [earliest, latest].  Where RECEIVED is before SENT (the guest's clock was set meanwhile) the two
 * are taken the other way round.
 */
struct interval interval_measured(nanoseconds sent, nanoseconds received, nanoseconds earliest, nanoseconds latest);

/* The best estimate: the middle. */
nanoseconds interval_middle(struct interval interval);

/* The bound: half the width, rounded up.  The truth is within this of the middle. */
nanoseconds interval_bound(struct interval interval);

bool interval_contains_zero(struct interval interval);

/* Wider by MARGIN >= 0 on either side. */
struct interval interval_widened(struct interval interval, nanoseconds margin);

#endif
