/*
 * Carrying out a decision on the clock: judge, set, look whether it took, tell the kernel the bound.
 */
#ifndef GUESTCLOCK_CORRECT_H
#define GUESTCLOCK_CORRECT_H

#include "lib/interval.h"
#include "lib/status.h"
#include "set/clock_lock.h"
#include "set/limits.h"
#include "set/policy.h"

struct correction {
	struct policy_verdict verdict;	/* what was decided */
	nanoseconds offset;			/* guest minus source before */
	nanoseconds residual;			/* guest minus source after, as far as this machine can tell */
};

/*
 * Judges OFFSET (guest minus source, measured at SINCE or later) and does what the decision says, unless
 * limits->dry_run: under the lock, and only if nobody set the clock since SINCE.  Refusals, failures and sets are told
 * and logged when the lock is free again.  Fills RESULT whatever happens.
 */
enum status correct_clock(const struct clock_reading *since, struct interval offset, nanoseconds delay, nanoseconds slew_up_to, const struct limits *limits,
    struct clock_lock *run, struct correction *result);

#endif
