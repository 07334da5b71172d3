/*
 * What to do about a measured offset.
 *
 * Offsets are guest minus truth, corrections the opposite.  The names of the decisions are what logs, tests and
 * messages use.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_POLICY_H
#define GUESTCLOCK_POLICY_H

#include <stdbool.h>

#include "lib/interval.h"
#include "set/limits.h"

enum decision {
	DECISION_WITHIN_BOUND,		/* the clock may be right, or as right as it was set: leave it */
	DECISION_STEP,
	DECISION_SLEW,
	DECISION_OTHER_SERVICE,		/* another time service keeps it, to within a second: leave it */
	DECISION_BEFORE_FLOOR,		/* refused: the clock would read before --not-before */
	DECISION_AFTER_CEILING,		/* refused: … after --not-after */
	DECISION_TOO_FAR,		/* refused: the step is larger than --max-step */
	DECISION_TOO_FAR_BACK,		/* refused: … than --max-back, backwards */
	DECISION_DELAY_TOO_LARGE,	/* refused: the round trip was longer than --max-delay */
	DECISION_TOO_FAR_TO_SLEW	/* refused: -a, and more than the kernel can slew */
};

struct situation {
	struct interval offset;		/* of the guest's clock */
	nanoseconds now;		/* the guest's clock */
	nanoseconds delay;		/* the round trip */
	nanoseconds own_bound;		/* the bound that this program set and that the kernel still has; 0: none */
	nanoseconds slew_up_to;		/* larger offsets are stepped; INT64_MAX: never step */
	bool other_service;		/* the kernel is synchronised, and not by us */
};

struct policy_verdict {
	enum decision decision;
	nanoseconds correction;		/* to add to the clock: 0 unless DECISION_STEP or DECISION_SLEW */
	nanoseconds bound;		/* the error within which the clock is after that */
};

struct policy_verdict policy_decide(const struct situation *situation, const struct limits *limits);

/*
 * Whether a step by CORRECTION from NOW stays within the limits, after steps by MOVED in all: DECISION_STEP, or a decision
 * that refuses.
 */
enum decision policy_judge_step(nanoseconds now, nanoseconds moved, nanoseconds correction, const struct limits *limits);

/*
 * Whether somebody set the clock between the readings BEFORE and NOW: it moved against the raw clock by more than
 * RATE (the correction in force, in parts per 10^9) and a slew explain.
 */
bool policy_clock_was_set(const struct clock_reading *before, const struct clock_reading *now, int64_t rate);

bool decision_refuses(enum decision decision);

/* "step", "before-floor", … */
const char *decision_name(enum decision decision);

/* What was wrong and which limit says so, for the one line that the user reads. */
const char *decision_reason(enum decision decision);

#endif
