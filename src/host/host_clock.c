/* Judging the host's own clock: see host_clock.h. */
#include "host/host_clock.h"

enum host_event
host_clock_take(struct host_clock *clock, const struct sysclock_set *reading, bool synchronised)
{
	nanoseconds offset = ns_subtract(reading->real, reading->boot), asleep = ns_subtract(reading->boot, reading->monotonic);
	/* The clocks of a vague reading may be of different moments: a later one tells. */
	bool vague = reading->width > HOST_CLOCK_STEP / 2;
	bool slept = clock->known && !vague && ns_subtract(asleep, clock->asleep) > HOST_CLOCK_SLEEP;
	bool stepped = clock->known && !vague && ns_magnitude(ns_subtract(offset, clock->offset)) > HOST_CLOCK_STEP;

	if (stepped) {
		clock->was_synchronised = clock->stepped ? clock->was_synchronised : clock->synchronised;
		clock->stepped = true;
	}
	if (!clock->begun || stepped || synchronised != clock->synchronised)
		clock->since = reading->raw;
	clock->begun = true;
	clock->synchronised = synchronised;
	if (!vague) {
		clock->known = true;
		clock->offset = offset;
		clock->asleep = asleep;
	}
	if (clock->stepped && (clock->synchronised || !clock->was_synchronised) &&
	    reading->raw - clock->since >= HOST_CLOCK_SETTLES)
		clock->stepped = false;
	clock->believed = !clock->stepped && (clock->synchronised || !clock->require_sync);
	return stepped ? HOST_STEPPED : slept ? HOST_SLEPT : HOST_SAME;
}
