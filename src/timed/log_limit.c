/* A rate limit for log lines: see log_limit.h. */
#include "timed/log_limit.h"

bool
log_limit_allows(struct log_limit *limit)
{
	if (limit->used >= LOG_LIMIT_BURST) {
		limit->held++;
		return false;
	}
	limit->used++;
	return true;
}

uint64_t
log_limit_tick(struct log_limit *limit)
{
	uint64_t held;

	if (limit->used == 0 || ++limit->wait < LOG_REFILL_TICKS)
		return 0;
	limit->wait = 0;
	if (limit->held == 0) {
		limit->used--;
		return 0;
	}
	/* The caller logs this count in a line that uses the refill, so used stays: the bucket limits these lines too. */
	held = limit->held;
	limit->held = 0;
	return held;
}
