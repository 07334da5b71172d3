/*
 * What is learnt about a guest's clock from look to look: how far it is off, how fast it runs, and what to order.
 *
 * The model.  A look gives the raw clocks of host and guest, which nobody sets.  x = guest's raw clock - host's raw
 * clock, in nanoseconds, is known within the look's bound.  While the guest runs undisturbed, x is a straight line over
 * the host's raw clock t; its slope f is the rate: positive if the guest runs fast.  A pause, a restored snapshot or a
 * reboot begins a new segment: a line with the same slope elsewhere.  Real-time clock minus raw clock, the gap, is read
 * at one moment, within a microsecond as a rule.  So the offset (guest minus host) is x + the guest's gap - the host's
 * gap, whatever was set meanwhile.
 *
 * What is proved, if the rate has not changed: the true line passes through all intervals x ± bound.  Two chains hold
 * the few looks that bind such lines: struct rate_chain.  When no line passes, the rate wanders: the lines are those of
 * the longest run of the newest looks through which one passes, found from 16 looks that are kept.
 *
 * What is guessed: 13 guesses follow the same looks; guess 0 is the middle of the lines, the others are least squares
 * with fading memories of 2, 4, ... 4096 looks.  Each keeps the mean square of its prediction errors.  The guess that
 * predicts best is used.  So how far the errors use their bounds, and how fast the rate wanders, are learnt.
 *
 * When x is far outside its interval, a segment begins.  The rate is dropped only if two looks in a row do not fit and
 * agree on another rate, or both mean a small change of it: two pauses in a row look like a rate, too.
 *
 * An order is advised when what is in force differs from the guess by more than the guess may be wrong.  While nothing
 * proves the guest's clock wrong (no line through all intervals has its offset or rate), that takes six standard
 * deviations, or 1.25 times half the interval of the lines: a clock that may be right is left alone.  For two days
 * after such a proof, or after no line passed, it takes one deviation, or a quarter of half the interval.
 *
 * Units: nanoseconds; rates in 2^-62 (RATE_ONE is 100 %), or, outside struct rate, in parts per 10^9.  Rates of raw
 * clocks are within 12.5 %, the kernel's limit for corrections is 10 %.  All arithmetic is on integers; products have
 * 128 bits.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_RATE_H
#define GUESTCLOCK_RATE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/exchange.h"
#include "lib/nstime.h"

#define RATE_ONE (INT64_C(1) << 62)
#define RATE_LIMIT (RATE_ONE / 8)
#define RATE_MOST_PPB INT64_C(100000000)	/* the largest correction that a kernel carries */
#define RATE_RAW_MOST (INT64_C(1) << 61)	/* raw clocks run for less than 73 years */
#define RATE_BOUND_MOST (3600 * NS_PER_SECOND)
#define RATE_INTERVAL_MOST (INT64_C(1) << 48)	/* three days: 4096 times as much still fits */
#define RATE_ERROR_MOST (INT64_C(1) << 30)	/* a larger prediction error counts as this: its square has to fit */
#define RATE_SCORE_MOST (RATE_ERROR_MOST * RATE_ERROR_MOST)
#define RATE_SCORED_MOST 256		/* looks that a score remembers */
#define RATE_GUESSES 13
#define RATE_CORNERS 14
#define RATE_KEPT 16
#define RATE_HOST_SPANS 9

enum rate_event {
	RATE_EVENT_NONE,
	RATE_EVENT_PAUSE,		/* the guest stood still for a while */
	RATE_EVENT_AHEAD,		/* the guest's raw clock leapt forward against the host's: the host stood still */
	RATE_EVENT_RESTORE,		/* the guest's raw clock, or the number of its last set, went back within a boot */
	RATE_EVENT_REBOOT,
	RATE_EVENT_RATE_CHANGE,
	RATE_EVENT_FOREIGN_RATE,	/* the correction in force is not what was ordered */
	RATE_EVENT_FOREIGN_SET,		/* somebody else has set the clock */
	RATE_EVENT_REFUSED,		/* the guest refused a rate order (set by the caller) */
	RATE_EVENTS
};

/* The word for each event. */
extern const char *const rate_event_names[RATE_EVENTS];

/* One look.  All four clocks at the middle of the round trip; the guest's were read within BOUND of it. */
struct rate_sample {
	nanoseconds host_raw, host_real, guest_raw, guest_real;
	nanoseconds bound;		/* 0 to RATE_BOUND_MOST */
	nanoseconds slew_left;		/* what a slew under way will still add to the guest's clock */
	int64_t sets;			/* the number of the last set of the guest's clock: exchange.h */
	int64_t rate_ppb;		/* the correction in force in the guest: tick and frequency together */
	bool may_order_rate;		/* false: with --no-rate, or when another service keeps the clock */
	const char *host_boot, *guest_boot;	/* boot ids, shorter than EXCHANGE_BOOT */
};

struct rate_verdict {
	enum rate_event event;
	nanoseconds offset;		/* the guess, guest minus host */
	nanoseconds low, high;		/* the combined interval of the offset; rests on the rate since SINCE */
	nanoseconds since;		/* host's raw clock */
	bool has_rate;			/* false: fewer than two looks; then the next four are 0 */
	int64_t rate_low_ppb, rate_high_ppb;	/* the interval of f; rests on the rate since SINCE */
	int64_t rate_ppb;		/* the guess */
	int64_t rate_error_ppb;		/* of the guess */
	/* What to do.  Order the rate first. */
	bool order_rate;		/* the correction has to change: a guest that is right keeps the one in force */
	int64_t order_ppb;		/* the correction that the guest should have in force: the one in force unless order_rate */
	enum { RATE_LEAVE, RATE_STEP, RATE_SLEW } order;
	bool outruns;			/* without an order of the rate, the clock drifts faster than half of what a slew corrects */
	nanoseconds correction;		/* to add to the guest's clock: minus the offset; 0 for RATE_LEAVE */
	bool left_alone;		/* three looks in a row found a rate that was not ordered: order none for now */
};

/*
 * Corners that a line has to pass below.  TIME is the host's raw clock, and rises.  In the first chain VALUE is the
 * upper end of x, in the second minus the lower end.  Slopes from corner to corner rise: other looks bind no line.
 */
struct rate_chain {
	int64_t count;
	struct { nanoseconds time, value; } corners[RATE_CORNERS];
};

/* A look that is kept, to find the longest run through which a line passes.  Gaps between them grow with their age. */
struct rate_kept {
	nanoseconds time, x, bound;
};

struct rate_guess {
	nanoseconds x;			/* at the last look */
	int64_t rate;			/* f, in 2^-62 */
	int64_t score;			/* the mean square of its prediction errors, in ns^2 */
};

/* The state for a guest.  All zero: no look yet. */
struct rate {
	char host_boot[EXCHANGE_BOOT], guest_boot[EXCHANGE_BOOT];
	struct rate_numbers {
		int64_t looks;		/* since the rate was unknown; 0: the rest has no meaning */
		int64_t segment_looks;	/* since the segment began */
		int64_t scored;		/* prediction errors in the scores */
		nanoseconds time;	/* host's raw clock at the last look */
		nanoseconds since;	/* the same at the first look on which the rate's interval rests */
		nanoseconds wrong;	/* the same at the last look that proved what was in force wrong, or a change of the rate */
		nanoseconds guest_raw, x, bound;	/* at the last look */
		nanoseconds interval;	/* the usual time between looks */
		nanoseconds usual_bound;
		int64_t sets;
		int64_t has_order;	/* 1: the guest carried out a rate order, in this boot, and ORDERED_PPB is its rate */
		int64_t ordered_ppb;
		int64_t foreign;	/* looks in a row that found another rate */
		nanoseconds gap;	/* the guest's gap after the last look, at the end of its slew */
		nanoseconds slew_left;	/* what that slew adds */
		int64_t low, high;	/* the interval of f, in 2^-62 */
		int64_t prior_low, prior_high;		/* the same from segments before this one */
		int64_t suspect_low, suspect_high;	/* the rate that the last look would mean; low above high: it fitted */
		int64_t suspect_change;			/* how far that was from the interval */
		nanoseconds host_time, host_gap;	/* where the present span of the host's correction began */
		int64_t host_spans;
		int64_t host_rates[RATE_HOST_SPANS];	/* the host's correction in the last spans, newest first */
		int64_t kept;
		struct rate_guess guesses[RATE_GUESSES];
	} n;
	struct rate_kept kept[RATE_KEPT];	/* oldest first; all of this segment */
	struct rate_chain chains[2];
};

/*
 * Takes a look, the first of a session, into RATE and says what it means.  Returns false, with RATE as it was, if a
 * number is out of range: raw clocks 0 to RATE_RAW_MOST, the bound 0 to RATE_BOUND_MOST, |rate_ppb| at most twice
 * RATE_MOST_PPB.
 */
bool rate_look(struct rate *rate, const struct rate_sample *sample, struct rate_verdict *verdict);

/*
 * Notes what the guest did after the last look: MOVED is the sum of the steps and slews that it carried out, and
 * RATE_PPB, if RATED, the correction.
 */
void rate_note(struct rate *rate, nanoseconds moved, bool rated, int64_t rate_ppb);

#endif
