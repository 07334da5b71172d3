/*
 * Correcting the clock: decide, step or slew, check that a step lasts, set the kernel's error bound.
 */
#ifndef GUESTCLOCK_CORRECT_H
#define GUESTCLOCK_CORRECT_H

#include "lib/offset_interval.h"
#include "lib/status.h"
#include "lib/text.h"
#include "set/guest_clock.h"
#include "set/policy.h"
#include "set/set_options.h"

struct correction {
	struct policy_verdict verdict;	/* the decision */
	nanoseconds offset;			/* guest minus source before the correction */
	nanoseconds residual;			/* guest minus source after a step; after a slew, the offset: it has hardly begun */
};

/*
 * Judges OFFSET (guest minus source, measured at SINCE or later, with round-trip delay DELAY) and carries out the
 * decision under the lock RUN, which the caller has opened.  Steps an offset of more than SLEW_UP_TO, and slews a
 * smaller one.  Undoes the rate of an exchange (guest_clock_undo_rate()), also if it refuses the correction, but not
 * while another time service keeps the clock.  Sets nothing with options->dry_run, or if the clock was set since SINCE.
 * After the unlock, reports and logs refusals and failures, and logs sets.  Fills in
 * RESULT, unless it cannot lock or cannot read the kernel's clock state.
 */
enum status correct_clock(const struct clock_reading *since, struct interval offset, nanoseconds delay,
    nanoseconds slew_up_to, const struct set_options *options, struct guest_clock *run, struct correction *result);

/* "+12.345678901 +- 0.500000000 s": OFFSET and its error BOUND. */
#define CORRECT_TEXT (2 * SECONDS_TEXT + 8)
void correct_format(nanoseconds offset, nanoseconds bound, char text[CORRECT_TEXT]);

/* Prints RESULT for the client, on standard output.  SOURCE is the time source's address, or "standard input". */
void correct_print(const struct correction *result, const struct set_options *options, const char *source);

#endif
