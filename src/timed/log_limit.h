/*
 * A bound on log lines: a bucket of LOG_LIMIT_BURST lines, one more every LOG_REFILL_TICKS ticks.
 *
 * Pure: ticks are the caller's count of about a second each.  What is held back is counted, and the count is told.
 */
#ifndef GUESTCLOCK_LOG_LIMIT_H
#define GUESTCLOCK_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_BURST 20
#define LOG_REFILL_TICKS 6

struct log_limit {
	uint32_t used;		/* lines out of the bucket: 0 to LOG_LIMIT_BURST */
	uint32_t wait;		/* ticks towards the next line put back */
	uint64_t held;		/* lines held back and not yet told of */
};

/* Whether a line may be logged now; one that may not is counted. */
bool log_limit_allows(struct log_limit *limit);

/* Call at each tick.  Returns how many lines were held back, when it is time to say so, else 0. */
uint64_t log_limit_tick(struct log_limit *limit);

#endif
