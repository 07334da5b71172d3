/* Carrying out a decision: see correct.h. */
#include "correct.h"

#include <string.h>

#include "audit.h"
#include "numtext.h"
#include "sysclock.h"

/* A step that lands further off than this was undone by somebody: nothing in the kernel is that slow. */
#define LANDING_TOLERANCE (50 * NS_PER_MILLISECOND)

/* How long, and by how many looks at most, a clock that was stepped is watched. */
#define STAY_TIME (5 * NS_PER_MILLISECOND)
#define STAY_LOOKS 200000

/* The kernel calls a clock with this much error unsynchronised (NTP_PHASE_LIMIT): there is no use in telling it. */
#define TELL_LIMIT (16 * NS_PER_SECOND)

static void
tell_bound(struct runstate *run, nanoseconds bound)
{
	int error = bound < TELL_LIMIT ? runstate_tell_bound(run, bound) : 0;

	/* The clock is set: that the kernel will not hear how well is no reason to report failure. */
	if (error != 0)
		audit_done("the kernel was not told the bound: %s", strerror(error));
}

/*
 * Looks whether the clock stays where it was put: by how much it moves, against the clock that nobody can set, in the
 * next few milliseconds.  Awake and bounded by a count, for the guest's timers may not run.
 */
static nanoseconds
moved_since(void)
{
	nanoseconds now = sysclock_now(), elapsed = sysclock_elapsed();

	for (int look = 0; look < STAY_LOOKS && sysclock_elapsed() - elapsed < STAY_TIME; look++)
		continue;
	return (sysclock_now() - now) - (sysclock_elapsed() - elapsed);
}

static enum status
carry_out(const struct verdict_on_clock *verdict, struct runstate *run, struct correction *result)
{
	char offset[SECONDS_TEXT], bound[SECONDS_TEXT], residual[SECONDS_TEXT], correction[SECONDS_TEXT];
	nanoseconds moved = 0;
	int error;

	if (verdict->decision == DECISION_SLEW)
		error = sysclock_slew(verdict->correction);
	else
		error = sysclock_step(verdict->correction, &moved);
	if (error == 0 && verdict->decision == DECISION_STEP)
		moved = ns_add(moved, moved_since());
	format_seconds(result->offset, offset);
	format_seconds(verdict->correction, correction);
	if (error != 0)
		return audit_fail("cannot %s the clock by %s s: %s", decision_name(verdict->decision), correction,
		    strerror(error));
	result->residual = ns_add(result->offset, moved);
	format_seconds(result->residual, residual);
	if (verdict->decision == DECISION_STEP && ns_magnitude(moved - verdict->correction) > LANDING_TOLERANCE)
		return audit_fail("the clock was stepped by %s s and did not stay there: it is %s s off again; another "
		    "program sets it", correction, residual);
	tell_bound(run, ns_add(verdict->bound, ns_magnitude(moved != 0 ? moved - verdict->correction : 0)));
	format_seconds(verdict->bound, bound);
	audit_done("%s: offset %s +- %s s, residual %s s", decision_name(verdict->decision), offset, bound + 1, residual);
	return STATUS_DONE;
}

enum status
correct_clock(struct interval offset, nanoseconds delay, nanoseconds slew_up_to, const struct limits *limits,
    struct runstate *run, struct correction *result)
{
	struct sysclock_state kernel;
	struct situation situation = { .offset = offset, .now = sysclock_now(), .delay = delay, .slew_up_to = slew_up_to };
	char text[SECONDS_TEXT], bound[SECONDS_TEXT];
	int error = sysclock_state(&kernel);

	if (error != 0)
		return audit_fail("cannot read the kernel's clock state: %s", strerror(error));
	situation.other_service = runstate_other_service(run, &kernel);
	if (kernel.synchronised && !situation.other_service)
		situation.told = run->bound * NS_PER_MICROSECOND;
	result->verdict = policy_decide(&situation, limits);
	result->offset = result->residual = interval_middle(offset);
	format_seconds(result->offset, text);
	format_seconds(interval_bound(offset), bound);
	if (decision_refuses(result->verdict.decision))
		return audit_refuse(STATUS_REFUSED, "%s: %s (offset %s +- %s s)", decision_name(result->verdict.decision),
		    decision_reason(result->verdict.decision), text, bound + 1);
	if (limits->dry_run)
		return STATUS_DONE;
	if (result->verdict.correction != 0)
		return carry_out(&result->verdict, run, result);
	/* A clock found right: say so to the kernel, before it takes the bound for outgrown, but not worse than it knows. */
	if (result->verdict.decision == DECISION_WITHIN_BOUND && !situation.other_service &&
	    (!kernel.synchronised || result->verdict.bound < kernel.maxerror))
		tell_bound(run, result->verdict.bound);
	return STATUS_DONE;
}
