/*
 * judge: interval, policy and edge with arbitrary times, compared with the same arithmetic in 128 bits.
 *
 * A number is 9 octets: 8 octets of value, and how many of their bits to drop, so that numbers of all sizes are equally
 * likely.  Missing input is 0.  If the first number is even, the guest's clock runs right and the source's times are
 * true; every interval found must then contain the true offset.
 */
#include "fuzz.h"

#include "lib/sysclock.h"
#include "set/edge.h"
#include "set/policy.h"

__extension__ typedef __int128 exact;

/* The last second that a source can name: half an era after the largest --not-after. */
#define LAST_SECOND INT64_C(9216386047)
#define FIRST_SECOND (-INT64_C(2147483648))

struct input {
	const uint8_t *at;
	size_t left;
};

static int64_t
take(struct input *input)
{
	uint64_t value = 0;
	size_t count = input->left < 9 ? input->left : 9;
	uint8_t octets[9] = { 0 };

	if (count > 0)
		memcpy(octets, input->at, count);
	input->at += count;
	input->left -= count;
	for (int at = 0; at < 8; at++)
		value = value << 8 | octets[at];
	return (int64_t)value >> (octets[8] & 63);
}

/* Returns a number from LOW to HIGH. */
static int64_t
take_between(struct input *input, int64_t low, int64_t high)
{
	exact value = ((exact)take(input) - low) % ((exact)high - low + 1);

	return (int64_t)(value < 0 ? value + high + 1 : value + low);
}

static nanoseconds
nearest(exact value)
{
	return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (nanoseconds)value;
}

static void
check_sums(nanoseconds a, nanoseconds b)
{
	REQUIRE(ns_add(a, b) == nearest((exact)a + b));
	REQUIRE(ns_subtract(a, b) == nearest((exact)a - b));
	REQUIRE(ns_multiply(a, b) == nearest((exact)a * b));
	REQUIRE(ns_magnitude(a) == nearest(a < 0 ? -(exact)a : a));
	REQUIRE(seconds_floor(a) * (exact)NS_PER_SECOND + seconds_fraction(a) == a);
	REQUIRE(seconds_fraction(a) >= 0 && seconds_fraction(a) < NS_PER_SECOND);
	REQUIRE((exact)ns_to_microseconds_up(a) * NS_PER_MICROSECOND >= a);
	REQUIRE((exact)ns_to_microseconds_up(a) * NS_PER_MICROSECOND < (exact)a + NS_PER_MICROSECOND);
}

static void
check_interval(struct interval interval)
{
	nanoseconds middle = interval_middle(interval), bound = interval_bound(interval);

	REQUIRE(interval.low <= interval.high && bound >= 0);
	REQUIRE(middle >= interval.low && middle <= interval.high);
	REQUIRE(interval_contains_zero(interval) == (interval.low <= 0 && interval.high >= 0));
	/* The bound reaches both ends, unless it does not fit into 64 bits. */
	REQUIRE((exact)middle - bound <= interval.low || bound == INT64_MAX);
	REQUIRE((exact)middle + bound >= interval.high || bound == INT64_MAX);
}

static void
check_allowed(nanoseconds now, nanoseconds moved, nanoseconds correction, const struct set_options *options)
{
	exact then = (exact)now + correction, position = (exact)moved + correction;
	nanoseconds low = moved < 0 ? moved : 0, high = moved > 0 ? moved : 0;
	nanoseconds back = options->max_back < options->max_step ? options->max_back : options->max_step;

	REQUIRE(then >= options->not_before * (exact)NS_PER_SECOND && then < options->not_after * (exact)NS_PER_SECOND);
	/* A limit of INT64_MAX means no limit.  A return to where the clock was has none.  An hour ago: 0. */
	REQUIRE(options->max_step == INT64_MAX || position <= options->max_step ||
	    position <= (exact)high + ACCOUNT_NEAR || correction <= 0);
	REQUIRE(back == INT64_MAX || position >= -(exact)back ||
	    position >= (exact)low - ACCOUNT_NEAR || correction >= 0);
}

static void
check_policy(struct input *input, nanoseconds sent, nanoseconds received, nanoseconds earliest, nanoseconds latest)
{
	struct set_options options = set_options_default();
	struct situation situation = { .offset = interval_measured(sent, received, earliest, latest) };
	struct policy_verdict verdict;
	struct exchange_order forward, back;
	nanoseconds moved = take(input);

	options.not_before = take_between(input, 0, INT64_C(7068902399));
	options.not_after = take_between(input, options.not_before + 1, INT64_C(7068902400));
	options.max_step = take_between(input, 0, INT64_MAX);
	options.max_back = take_between(input, 0, INT64_MAX);
	/* No kernel's clock reads less than 0. */
	situation.now = take_between(input, 0, INT64_MAX);
	situation.delay = ns_magnitude(ns_subtract(received, sent));
	situation.own_bound = take_between(input, 0, 16 * NS_PER_SECOND);
	situation.slew_up_to = take_between(input, 0, INT64_MAX);
	situation.other_service = (moved & 1) != 0;
	forward = (struct exchange_order){ .verb = EXCHANGE_STEP, .value = situation.slew_up_to };
	back = (struct exchange_order){ .verb = EXCHANGE_STEP, .value = -situation.slew_up_to };
	account_move(&situation.account, INT64_MAX, INT64_MAX, moved, false);
	verdict = policy_decide(&situation, &options);
	REQUIRE(verdict.decision < DECISION_RATE_TOO_LARGE && verdict.bound >= 0);
	REQUIRE(decision_name(verdict.decision) != NULL && decision_reason(verdict.decision) != NULL);
	if (verdict.decision == DECISION_STEP || verdict.decision == DECISION_SLEW) {
		REQUIRE(situation.delay <= options.max_delay);
		check_allowed(situation.now, moved, verdict.correction, &options);
		REQUIRE(verdict.decision == DECISION_STEP || ns_magnitude(verdict.correction) <= SYSCLOCK_SLEW_MAX);
		/* An offset that did not fit into 64 bits must not set the clock. */
		REQUIRE(situation.offset.high < INT64_MAX && situation.offset.low > INT64_MIN);
	} else
		REQUIRE(verdict.correction == 0);
	if (policy_judge_order(situation.now, &situation.account, &forward, &options) == DECISION_STEP)
		check_allowed(situation.now, moved, situation.slew_up_to, &options);
	if (policy_judge_order(situation.now, &situation.account, &back, &options) == DECISION_STEP)
		check_allowed(situation.now, moved, -situation.slew_up_to, &options);
}

static void
check_edge(const struct edge *edge, nanoseconds now)
{
	check_interval(edge->known);
	check_interval(edge->expected);
	check_interval(edge_offset(edge, now));
	REQUIRE(edge->window.low <= edge->window.high && edge->spacing > 0 && edge->shortest >= 0);
	REQUIRE(edge->questions <= EDGE_QUESTIONS);
}

/* The source may answer anything, and the guest's clock may be set in between. */
static void
run_wild(struct input *input, nanoseconds sent, nanoseconds received, int64_t second)
{
	struct edge edge;

	edge_start(&edge, sent, received, second);
	check_edge(&edge, received);
	while (input->left > 0 && edge_wants_more(&edge)) {
		int64_t way = take(input);

		sent = (way & 1) != 0 ? take(input) : ns_add(edge.next, take(input));
		received = ns_add(sent, take(input));
		second = (way & 2) != 0 ? take_between(input, FIRST_SECOND, LAST_SECOND) : edge.second - ((way & 4) != 0);
		if (second < FIRST_SECOND || second > LAST_SECOND)
			second = LAST_SECOND;
		if ((way & 8) != 0)
			edge_plan(&edge, received);
		else
			edge_take(&edge, sent, received, second);
		check_edge(&edge, take(input));
	}
}

static nanoseconds
most(nanoseconds a, nanoseconds b)
{
	return a > b ? a : b;
}

/* The source's times are true and the guest's clock runs right: every interval contains OFFSET. */
static void
run_true(struct input *input, nanoseconds now, nanoseconds offset)
{
	struct edge edge = { .next = 0 };

	/* As in set/query.c, a question waits for its time, but no longer than a second and a half. */
	for (int question = 0; question == 0 || (input->left > 0 && edge_wants_more(&edge)); question++) {
		nanoseconds wait = question == 0 ? 0 : most(0, edge.next - now);
		nanoseconds sent = now + (wait < 3 * NS_PER_SECOND / 2 ? wait : 0) + take_between(input, 0, NS_PER_SECOND / 4);
		nanoseconds read = sent + take_between(input, 0, NS_PER_SECOND / 8);
		struct interval found;

		now = read + take_between(input, 0, NS_PER_SECOND / 8);
		if (question == 0)
			edge_start(&edge, sent, now, seconds_floor(read - offset));
		else
			edge_take(&edge, sent, now, seconds_floor(read - offset));
		check_edge(&edge, now);
		found = edge_offset(&edge, now);
		REQUIRE(found.low <= offset && found.high >= offset);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	int64_t way = take(&input), second = take_between(&input, FIRST_SECOND, LAST_SECOND);
	nanoseconds sent = take(&input), received = take(&input);
	nanoseconds earliest = ns_from_seconds(second), latest = earliest + take_between(&input, 0, 2 * NS_PER_SECOND);
	struct interval offset = interval_measured(sent, received, earliest, latest);
	nanoseconds margin = take_between(&input, 0, INT64_MAX);
	struct interval wider = interval_widened(offset, margin);

	check_sums(sent, received);
	check_interval(offset);
	check_interval((struct interval){ sent < received ? sent : received, sent < received ? received : sent });
	REQUIRE(offset.low == nearest((exact)(sent < received ? sent : received) - latest));
	REQUIRE(offset.high == nearest((exact)most(sent, received) - earliest));
	REQUIRE(wider.low == nearest((exact)offset.low - margin) && wider.high == nearest((exact)offset.high + margin));
	if (sent >= 0 && received >= 0)
		check_policy(&input, sent, received, earliest, latest);
	if (way % 2 != 0)
		run_wild(&input, sent < received ? sent : received, most(sent, received), second);
	else if (sent >= 0 && sent < LAST_SECOND / 2 * NS_PER_SECOND)
		run_true(&input, sent, sent / 2 - earliest / 2);
	return 0;
}
