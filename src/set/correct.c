/* Carrying out a decision: see correct.h. */
#include "set/correct.h"

#include <stdio.h>
#include <string.h>

#include "lib/sysclock.h"
#include "set/outcome.h"

/* If a step misses its target by more than this, another program has set the clock: the kernel alone misses by less. */
#define LANDING_TOLERANCE (50 * NS_PER_MILLISECOND)

/* How long to watch the clock after a step, and the most rounds of that busy wait. */
#define STAY_TIME (5 * NS_PER_MILLISECOND)
#define STAY_LOOKS 200000

/*
 * Watches whether the clock stays where it was set.  Returns how far it moves, against CLOCK_MONOTONIC_RAW, in the next
 * few milliseconds.  Does not sleep, because the guest's timers may not run; counts, because its time may stand still.
 */
static nanoseconds
moved_since(void)
{
	nanoseconds now = sysclock_now(), elapsed = sysclock_elapsed();

	for (int look = 0; look < STAY_LOOKS && sysclock_elapsed() - elapsed < STAY_TIME; look++)
		continue;
	return ns_subtract(ns_subtract(sysclock_now(), now), sysclock_elapsed() - elapsed);
}

/* What was done under the lock.  It is reported after the unlock, because a log or a client may read slowly. */
struct deed {
	int set_error, bound_error;	/* errno values */
	nanoseconds moved;
	bool undone;			/* stepped, but the clock did not stay there */
	int64_t rate_undone;		/* parts per 10^9; 0: none */
};

static void
set_bound(struct guest_clock *run, nanoseconds bound, struct deed *deed)
{
	if (bound < SYSCLOCK_BOUND_MAX)
		deed->bound_error = guest_clock_record_bound(run, bound);
}

static void
carry_out(const struct policy_verdict *verdict, const struct set_options *options, struct guest_clock *run,
    struct deed *deed)
{
	nanoseconds missed = 0;

	deed->set_error = guest_clock_move(run, options->max_step, options->max_back, verdict->decision == DECISION_SLEW,
	    verdict->correction, &deed->moved);
	if (deed->set_error != 0)
		return;
	if (verdict->decision == DECISION_STEP) {
		deed->moved = ns_add(deed->moved, moved_since());
		missed = ns_magnitude(ns_subtract(deed->moved, verdict->correction));
		deed->undone = missed > LANDING_TOLERANCE;
	}
	if (!deed->undone)
		set_bound(run, ns_add(verdict->bound, missed), deed);
}

/* Decides.  Except with --dry-run, also carries out the decision, under the caller's lock. */
static void
judge_and_set(struct situation *situation, const struct set_options *options, struct guest_clock *run, struct correction *result,
    struct deed *deed)
{
	const struct policy_verdict *verdict = &result->verdict;

	if (run->kernel_error != 0)
		return;
	situation->now = sysclock_now();
	situation->account = run->account;
	situation->other_service = guest_clock_other_service(run, &run->kernel);
	if (run->kernel.synchronised && !situation->other_service)
		situation->own_bound = run->bound * NS_PER_MICROSECOND;
	result->verdict = policy_decide(situation, options);
	if (options->dry_run)
		return;
	/* Also if a limit refuses the correction: otherwise a rate that takes the clock beyond the limits would last. */
	if (!situation->other_service)
		deed->rate_undone = guest_clock_undo_rate(run);
	if (decision_refuses(verdict->decision))
		return;
	if (verdict->correction != 0)
		carry_out(verdict, options, run, deed);
	/* The clock is right: give the kernel this bound if it has none, or if its own has grown larger. */
	else if (verdict->decision == DECISION_WITHIN_BOUND && !situation->other_service &&
	    (!run->kernel.synchronised || verdict->bound < run->kernel.maxerror))
		set_bound(run, verdict->bound, deed);
}

void
correct_format(nanoseconds offset, nanoseconds bound, char text[CORRECT_TEXT])
{
	char signed_bound[SECONDS_TEXT];

	format_seconds(offset, text);
	format_seconds(bound, signed_bound);
	sprintf(text + strlen(text), " +- %s s", signed_bound + 1);
}

/* Reports a failure to the client and the log, and a set to the log.  OFFSET: as correct_format() writes it. */
static enum status
report(const struct correction *result, const struct deed *deed, const struct guest_clock *run, const char *offset)
{
	const struct policy_verdict *verdict = &result->verdict;
	char residual[SECONDS_TEXT], correction[SECONDS_TEXT];

	format_seconds(result->residual, residual);
	format_seconds(verdict->correction, correction);
	if (deed->set_error != 0)
		return outcome_fail("cannot %s the clock by %s s: %s", decision_name(verdict->decision), correction,
		    guest_clock_set_complaint(run, deed->set_error));
	if (deed->undone)
		return outcome_fail("the clock was stepped by %s s and did not stay there: it is %s s off again; another "
		    "program sets it", correction, residual);
	/* The clock is right: if the kernel's bound could not be set, log that and return success. */
	if (deed->bound_error != 0)
		outcome_done("cannot set the kernel's error bound: %s", guest_clock_set_complaint(run, deed->bound_error));
	if (verdict->correction != 0)
		outcome_done("%s: offset %s, residual %s s", decision_name(verdict->decision), offset, residual);
	return STATUS_DONE;
}

enum status
correct_clock(const struct clock_reading *since, struct interval offset, nanoseconds delay, nanoseconds slew_up_to,
    const struct set_options *options, struct guest_clock *run, struct correction *result)
{
	struct situation situation = { .offset = offset, .delay = delay, .slew_up_to = slew_up_to };
	struct deed deed = { .moved = 0 };
	char text[CORRECT_TEXT];
	enum status status = STATUS_DONE;
	int error = 0;

	if (options->dry_run)
		guest_clock_peek(run);
	else
		error = guest_clock_lock(run, since, NULL);
	if (error != 0)
		return outcome_fail("%s", guest_clock_complaint(run, error));
	judge_and_set(&situation, options, run, result, &deed);
	if (!options->dry_run)
		guest_clock_unlock(run);
	result->offset = interval_middle(offset);
	result->residual = ns_add(result->offset, deed.moved);
	correct_format(result->offset, interval_bound(offset), text);
	outcome_rate_undone(deed.rate_undone);
	if (run->kernel_error != 0)
		status = outcome_fail("cannot read the kernel's clock state: %s", strerror(run->kernel_error));
	else if (decision_refuses(result->verdict.decision))
		status = outcome_refuse("%s: %s (offset %s)", decision_name(result->verdict.decision),
		    decision_reason(result->verdict.decision), text);
	else if (!options->dry_run)
		status = report(result, &deed, run, text);
	if (!options->dry_run)
		guest_clock_admit_signals(run);
	return status;
}

void
correct_print(const struct correction *result, const struct set_options *options, const char *source)
{
	char offset[SECONDS_TEXT], residual[CORRECT_TEXT];

	format_seconds(result->offset, offset);
	correct_format(result->residual, result->verdict.bound, residual);
	printf("%s: offset %s s, %s%s, now %s\n", source, offset, options->dry_run ? "not done (--dry-run): " : "",
	    decision_name(result->verdict.decision), residual);
}
