/* Decisions within the limits: see policy.h. */
#include "set/policy.h"

#include <strings.h>

#include "lib/sysclock.h"

/* The kernel slews at 500 ppm. */
#define SLEW_PPM 500
/* Tick and frequency together correct the rate by at most 100,500 ppm. */
#define RATE_PPM_MAX 100500

/* Movement that widths and rates do not explain is a set only beyond this: a rate may have ended meanwhile. */
#define NO_SET (10 * NS_PER_MILLISECOND)

/* wire: a refusal's reason in the exchange ("range" if that has no word of its own); REASONS: no refusal. */
static const struct {
	const char *name, *reason;
	enum exchange_reason wire;
} decisions[] = {
	[DECISION_WITHIN_BOUND] = { "within-bound", "the clock is right as far as the source can tell", REASONS },
	[DECISION_STEP] = { "step", "stepped", REASONS },
	[DECISION_SLEW] = { "slew", "slewed", REASONS },
	[DECISION_OTHER_SERVICE] = { "other-service", "another time service keeps this clock, left alone below 1 s",
		REASONS },
	[DECISION_BEFORE_FLOOR] = { "before-floor", "the new time would be before --not-before", REASON_BEFORE_FLOOR },
	[DECISION_AFTER_CEILING] = { "after-ceiling", "the new time would be --not-after or later", REASON_AFTER_CEILING },
	[DECISION_TOO_FAR] = { "too-far", "the clock would move by more than --max-step in an hour", REASON_TOO_FAR },
	[DECISION_TOO_FAR_BACK] = { "too-far-back", "the clock would move back by more than --max-back in an hour",
		REASON_TOO_FAR_BACK },
	[DECISION_DELAY_TOO_LARGE] = { "delay-too-large", "the answer took longer than --max-delay", REASON_RANGE },
	[DECISION_TOO_FAR_TO_SLEW] = { "too-far-to-slew", "no slew can be larger than 2145 s", REASON_RANGE },
	[DECISION_RATE_TOO_LARGE] = { "too-far", "the rate would be larger than --max-rate", REASON_TOO_FAR },
	[DECISION_BOUND_TOO_LARGE] = { "range", "the error bound would be larger than 16 s, the most that the kernel keeps", REASON_RANGE },
};

const char *
decision_name(enum decision decision)
{
	return decisions[decision].name;
}

const char *
decision_reason(enum decision decision)
{
	return decisions[decision].reason;
}

enum exchange_reason
decision_wire_reason(enum decision decision)
{
	return decisions[decision].wire;
}

bool
decision_refuses(enum decision decision)
{
	return decision >= DECISION_BEFORE_FLOOR;
}

/* Judges TIME, the clock's time after a correction.  Returns DECISION_STEP if it is allowed. */
static enum decision
judge_time(nanoseconds time, const struct set_options *options)
{
	if (seconds_floor(time) < options->not_before)
		return DECISION_BEFORE_FLOOR;
	return seconds_floor(time) < options->not_after ? DECISION_STEP : DECISION_AFTER_CEILING;
}

static enum decision
judge_movement(const struct account *account, nanoseconds correction, const struct set_options *options)
{
	struct interval room = account_room(account, options->max_step, options->max_back);

	if (correction < room.low && options->max_back <= options->max_step)
		return DECISION_TOO_FAR_BACK;
	return correction < room.low || correction > room.high ? DECISION_TOO_FAR : DECISION_STEP;
}

enum decision
policy_judge_order(nanoseconds now, const struct account *account, const struct exchange_order *order,
    const struct set_options *options)
{
	enum decision decision;

	if (order->verb == EXCHANGE_RATE)
		return ns_magnitude(order->value) > options->max_rate ? DECISION_RATE_TOO_LARGE : DECISION_STEP;
	if (order->verb == EXCHANGE_BOUND)
		return order->value > SYSCLOCK_BOUND_MAX ? DECISION_BOUND_TOO_LARGE : DECISION_STEP;
	decision = judge_time(ns_add(now, order->value), options);
	if (decision == DECISION_STEP)
		decision = judge_movement(account, order->value, options);
	if (decision == DECISION_STEP && order->verb == EXCHANGE_SLEW && ns_magnitude(order->value) > SYSCLOCK_SLEW_MAX)
		return DECISION_TOO_FAR_TO_SLEW;
	return decision;
}

/* PORT is the one that the administrator named, or 0. */
static enum source_verdict
judge_port(const struct rdate_request *rdate, uint16_t port, const struct set_options *options)
{
	if (port == 0 && options->any_port)
		return SOURCE_ALLOWED;
	return rdate->port == (port != 0 ? port : request_usual_port(rdate)) ? SOURCE_ALLOWED : SOURCE_OTHER_PORT;
}

enum source_verdict
policy_judge_source(const struct rdate_request *rdate, const struct set_options *options, peer_interface *number_of,
    const union peer *client)
{
	enum source_verdict verdict = SOURCE_OTHER_HOST;
	char host[REQUEST_OCTETS + 1];
	union peer address;
	uint16_t port;

	if (options->hosts == 0 && peer_same_host(&rdate->address, client))
		return judge_port(rdate, 0, options);
	/* A host may be named several times, with different ports. */
	for (int at = 0; at < options->hosts && verdict != SOURCE_ALLOWED; at++)
		if (set_options_source(options->host[at], host, &port) && (peer_parse(host, number_of, &address) ?
		    peer_same_host(&rdate->address, &address) : strcasecmp(rdate->host, host) == 0))
			verdict = judge_port(rdate, port, options);
	return verdict;
}

/*
 * The error to tolerate beyond the interval of this measurement.  RFC 868 sources give whole seconds: an earlier
 * request set the clock to the middle of an interval about a second wide, and most later answers give another interval.
 * A step after each would move the clock back and forth within its error bound.  So as long as the kernel has the bound
 * that this program set, tolerate that much.  But never tolerate more than the bound of this measurement: a more
 * accurate measurement must still correct the clock.
 */
static nanoseconds
tolerance(const struct situation *situation)
{
	nanoseconds bound = interval_bound(situation->offset);

	return situation->own_bound < bound ? situation->own_bound : bound;
}

static enum decision
decide(const struct situation *situation, const struct set_options *options, nanoseconds offset)
{
	enum decision decision = judge_time(ns_subtract(situation->now, offset), options);

	if (situation->delay > options->max_delay)
		return DECISION_DELAY_TOO_LARGE;
	if (decision != DECISION_STEP)
		return decision;
	if (interval_contains_zero(interval_widened(situation->offset, tolerance(situation))))
		return DECISION_WITHIN_BOUND;
	if (situation->other_service && ns_magnitude(offset) < SYSCLOCK_RESPECT_BELOW)
		return DECISION_OTHER_SERVICE;
	/* An end of the interval that does not fit into 64 bits is at the range's end: then the middle is unknown. */
	if (situation->offset.high == INT64_MAX || situation->offset.low == INT64_MIN)
		return DECISION_TOO_FAR;
	decision = judge_movement(&situation->account, ns_subtract(0, offset), options);
	if (decision != DECISION_STEP || ns_magnitude(offset) > situation->slew_up_to)
		return decision;
	return ns_magnitude(offset) <= SYSCLOCK_SLEW_MAX ? DECISION_SLEW : DECISION_TOO_FAR_TO_SLEW;
}

struct policy_verdict
policy_decide(const struct situation *situation, const struct set_options *options)
{
	nanoseconds offset = interval_middle(situation->offset);
	nanoseconds bound = interval_bound(situation->offset);
	struct policy_verdict verdict = { .decision = decide(situation, options, offset), .bound = bound };

	if (verdict.decision == DECISION_STEP || verdict.decision == DECISION_SLEW)
		verdict.correction = ns_subtract(0, offset);
	/* Only a step removes the offset at once.  Otherwise the clock still has it, so the bound includes it. */
	if (verdict.decision != DECISION_STEP)
		verdict.bound = ns_add(ns_magnitude(offset), bound);
	return verdict;
}

bool
policy_clock_was_set(const struct clock_reading *before, const struct clock_reading *now, int64_t rate)
{
	nanoseconds elapsed = ns_subtract(now->raw, before->raw);
	nanoseconds moved = ns_subtract(ns_subtract(now->real, before->real), elapsed);
	int64_t ppm = ns_magnitude(rate) / 1000 + 1;
	nanoseconds explained = ns_add(ns_add(before->width, now->width), NO_SET);

	if (elapsed < 0)
		return true;
	ppm = SLEW_PPM + (ppm < RATE_PPM_MAX ? ppm : RATE_PPM_MAX);
	/* The product does not overflow: it is at most (2^63 / 10^6 + 1) * 101,000. */
	return ns_magnitude(moved) > ns_add(explained, (elapsed / 1000000 + 1) * ppm);
}
