/*
 * A bound on log lines: a bucket of LOG_BURST lines, one more every LOG_REFILL_TICKS ticks.
 *
 * Pure: ticks are the caller's count of about a second each.  What is held back is counted, and the count is told.
 */
#ifndef GUESTCLOCK_LOG_LIMIT_H
#define GUESTCLOCK_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_BURST 20
#define LOG_REFILL_TICKS 6

struct ratelimit {
	uint32_t used;		/* lines out of the bucket: 0 to LOG_BURST */
	uint32_t wait;		/* ticks towards the next line put back */
	uint64_t held;		/* lines held back and not yet told of */
};

/* Whether a line may be logged now; one that may not is counted. */
bool ratelimit_allows(struct ratelimit *limit);

/* Call at each tick.  Returns how many lines were held back, when it is time to say so, else 0. */
uint64_t ratelimit_tick(struct ratelimit *limit);

#endif
