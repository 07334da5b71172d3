/* The drift of a guest's clock: see drift.h. */
#include "host/drift.h"

#include <string.h>

/* The shortest time over which drift is computed: the shorter the time, the more the offsets' errors distort it. */
#define DRIFT_SPAN (60 * NS_PER_SECOND)
/* The kernel slews at 500 ppm: a slew lasts this many times its offset. */
#define SLEW_TIMES 2000

/* Computes the drift since the reference.  Returns false if it cannot be determined or is larger than DRIFT_MOST. */
static bool
drift_since(const struct reference *reference, const struct record *now, int64_t *drift_ppb)
{
	nanoseconds elapsed = ns_subtract(now->before.time, reference->time);
	nanoseconds moved = ns_subtract(now->before.offset, reference->left);

	if (reference->time == 0 || now->before.time < reference->settled || elapsed < DRIFT_SPAN)
		return false;
	/* Nanoseconds per second are parts in 10^9.  Divide first: a multiplication of MOVED could overflow. */
	*drift_ppb = moved / (elapsed / NS_PER_SECOND);
	return *drift_ppb <= DRIFT_MOST && *drift_ppb >= -DRIFT_MOST;
}

void
drift_follow(const struct record *previous, struct record *now)
{
	/* A boot id that is unknown, "-", may hide a reboot. */
	bool same_boot = previous->boot[0] != '\0' && previous->boot[0] != '-' && strcmp(previous->boot, now->boot) == 0;

	now->has_drift = same_boot && drift_since(&previous->reference, now, &now->drift_ppb);
	if (!now->has_drift)
		now->drift_ppb = 0;
	if (now->action == ACTION_STEP || !same_boot || previous->reference.time == 0)
		now->reference = (struct reference){ now->after.time, now->after.offset, now->after.time };
	else
		now->reference = previous->reference;
	if (now->action == ACTION_SLEW)
		now->reference = (struct reference){ now->after.time, 0,
			ns_add(now->after.time, ns_multiply(ns_magnitude(now->after.offset), SLEW_TIMES)) };
}
