/*
 * Decisions within the limits: which time sources a request may name, what to do about a measured offset, and whether
 * an order of the exchange may be carried out.
 *
 * Offsets are guest minus truth, corrections the opposite.  Logs, messages and tests use the words of decision_name().
 *
 * Pure.
 */
#ifndef GUESTCLOCK_POLICY_H
#define GUESTCLOCK_POLICY_H

#include <stdbool.h>

#include "lib/exchange.h"
#include "lib/offset_interval.h"
#include "set/movement_account.h"
#include "set/request.h"
#include "set/set_options.h"

enum decision {
	DECISION_WITHIN_BOUND,		/* the offset is within the error bounds: leave the clock */
	DECISION_STEP,
	DECISION_SLEW,
	DECISION_OTHER_SERVICE,		/* another time service keeps the clock within a second: leave it */
	DECISION_BEFORE_FLOOR,		/* refused: the clock would read before --not-before */
	DECISION_AFTER_CEILING,		/* refused: the clock would read --not-after or later */
	DECISION_TOO_FAR,		/* refused: farther than --max-step allows now (set/movement_account.h) */
	DECISION_TOO_FAR_BACK,		/* refused: farther back than --max-back allows now */
	DECISION_DELAY_TOO_LARGE,	/* refused: the round-trip delay is longer than --max-delay */
	DECISION_TOO_FAR_TO_SLEW,	/* refused: the offset is more than adjtime(3) can slew */
	DECISION_RATE_TOO_LARGE,	/* refused: the frequency correction is larger than --max-rate */
	DECISION_BOUND_TOO_LARGE,	/* refused: the error bound is larger than the kernel keeps */
	DECISIONS
};

struct situation {
	struct interval offset;		/* the measured offset */
	nanoseconds now;		/* the guest's time */
	nanoseconds delay;		/* the round-trip delay of the measurement */
	nanoseconds own_bound;		/* the error bound that this program set and the kernel still has; 0: none */
	nanoseconds slew_up_to;		/* step if the offset is larger; INT64_MAX: never step */
	bool other_service;		/* another time service has synchronised the kernel */
	struct account account;		/* the movements up to now */
};

struct policy_verdict {
	enum decision decision;
	nanoseconds correction;		/* to add to the clock; 0 unless STEP or SLEW */
	nanoseconds bound;		/* the bound on the clock's error after the correction */
};

struct policy_verdict policy_decide(const struct situation *situation, const struct set_options *options);

/*
 * Judges an order to step, slew, set the rate or set the bound.  The clock reads NOW; ACCOUNT has the movements up to
 * now.  For a step or slew, OPTIONS limit the time after it, and with ACCOUNT how far it may go.  Returns
 * DECISION_STEP if ORDER, of any kind, is allowed, or a decision that refuses.
 */
enum decision policy_judge_order(nanoseconds now, const struct account *account, const struct exchange_order *order,
    const struct set_options *options);

enum source_verdict { SOURCE_ALLOWED, SOURCE_OTHER_HOST, SOURCE_OTHER_PORT };

/*
 * Whether OPTIONS allow the request's time source.  Its host must be one of options->host or, if there are none,
 * CLIENT, the ssh client's address (unmapped, see peer.h).  Its port must be the one that options->host has for it;
 * where there is none, the protocol's port, or any with options->any_port.  Compares names without regard to case, and
 * addresses by peer_same_host().  NUMBER_OF translates interface names in options->host for peer_parse().
 */
enum source_verdict policy_judge_source(const struct rdate_request *rdate, const struct set_options *options,
    peer_interface *number_of, const union peer *client);

/*
 * Whether the clock was set between the readings BEFORE and NOW: it moved against CLOCK_MONOTONIC_RAW by more than the
 * sum of 10 ms, the widths of the readings, a slew at 500 ppm, and RATE (the rate correction in force, in parts per
 * 10^9) for the time between them.  True as well if CLOCK_MONOTONIC_RAW went back.
 */
bool policy_clock_was_set(const struct clock_reading *before, const struct clock_reading *now, int64_t rate);

/* Whether DECISION is a refusal. */
bool decision_refuses(enum decision decision);

/* The decision's name, such as "step" or "before-floor". */
const char *decision_name(enum decision decision);

/* The reason for DECISION in words, for the message to the user; for a refusal, the fault and the limit. */
const char *decision_reason(enum decision decision);

/* For a refusal: the reason that the exchange sends. */
enum exchange_reason decision_wire_reason(enum decision decision);

#endif
