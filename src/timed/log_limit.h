/*
 * A rate limit for log lines: a bucket of LOG_LIMIT_BURST lines, refilled by one line every LOG_REFILL_TICKS ticks.
 * It counts the lines that it suppresses; wait_mode_tick() logs the count.
 *
 * Pure: the caller counts the ticks, of about a second each.
 */
#ifndef GUESTCLOCK_LOG_LIMIT_H
#define GUESTCLOCK_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_BURST 20
#define LOG_REFILL_TICKS 6

struct log_limit {
	uint32_t used;		/* lines taken from the bucket: 0 to LOG_LIMIT_BURST */
	uint32_t wait;		/* ticks since the last refill, while used is not 0 */
	uint64_t held;		/* suppressed lines that log_limit_tick() has not reported yet */
};

/* Whether the caller may log a line now.  If not, the line is counted as suppressed. */
bool log_limit_allows(struct log_limit *limit);

/* Call at each tick.  Returns the number of suppressed lines if the caller must log it now, else 0. */
uint64_t log_limit_tick(struct log_limit *limit);

#endif
