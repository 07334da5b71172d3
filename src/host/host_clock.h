/*
 * Whether the host's own clock may be a guest's reference while watch runs: it may be stepped, and the host may sleep.
 *
 * CLOCK_REALTIME and CLOCK_BOOTTIME run at the same rate, so their difference changes only when somebody steps the first.
 * CLOCK_BOOTTIME counts while the host sleeps and CLOCK_MONOTONIC does not (clock_gettime(2)).
 *
 * Pure.
 */
#ifndef GUESTCLOCK_HOST_CLOCK_H
#define GUESTCLOCK_HOST_CLOCK_H

#include <stdbool.h>

#include "lib/sysclock.h"

#define HOST_CLOCK_STEP NS_PER_MILLISECOND	/* a smaller step passes for none */
#define HOST_CLOCK_SLEEP (100 * NS_PER_MILLISECOND)
#define HOST_CLOCK_SETTLES (10 * NS_PER_SECOND)

enum host_event { HOST_SAME, HOST_SLEPT, HOST_STEPPED };

struct host_clock {
	bool begun;
	bool require_sync;
	bool known;			/* there was a reading that was not vague; of the last one: */
	nanoseconds offset;		/* real - boot */
	nanoseconds asleep;		/* boot - monotonic */
	nanoseconds since;		/* raw: since when the kernel says it is synchronised, without a step since */
	bool synchronised;		/* at the last reading */
	bool was_synchronised;		/* at the reading before the last step */
	bool stepped;			/* not believed again since the last step */
	bool believed;
};

/*
 * Takes a reading, and whether the kernel calls the clock SYNCHRONISED.  clock->believed says afterwards whether the
 * clock may be a reference: with REQUIRE_SYNC only while it is synchronised; after a step, once it has been synchronised
 * for HOST_CLOCK_SETTLES, or, if it was not synchronised before the step, has not been stepped for that long.
 */
enum host_event host_clock_take(struct host_clock *clock, const struct sysclock_set *reading, bool synchronised);

#endif
