/* policy: each decision, at its limits. */
#include "unit.h"

#include "lib/exchange.h"
#include "lib/sysclock.h"
#include "lib/version.h"
#include "set/policy.h"

#define SECOND NS_PER_SECOND
#define NOW ((RELEASE_SECONDS + 1000000) * NS_PER_SECOND)

static struct policy_verdict
decide(nanoseconds middle, nanoseconds bound, struct situation situation, const struct set_options *options)
{
	situation.offset = (struct interval){ middle - bound, middle + bound };
	if (situation.now == 0)
		situation.now = NOW;
	return policy_decide(&situation, options);
}

static const struct situation plain = { .slew_up_to = SYSCLOCK_SLEW_BELOW };

static void
right_clock_is_left_alone(void **unused)
{
	struct set_options options = set_options_default();
	struct policy_verdict verdict = decide(SECOND / 4, SECOND / 2, plain, &options);

	(void)unused;
	assert_int_equal(verdict.decision, DECISION_WITHIN_BOUND);
	assert_int_equal(verdict.correction, 0);
	/* Whole seconds: the clock may be off by a quarter plus a half. */
	assert_int_equal(verdict.bound, 3 * SECOND / 4);
	assert_int_equal(decide(5, 5, plain, &options).decision, DECISION_WITHIN_BOUND);
	assert_int_equal(decide(6, 5, plain, &options).decision, DECISION_SLEW);
}

static void
step_or_slew(void **unused)
{
	struct set_options options = set_options_default();
	struct situation situation = plain;
	struct policy_verdict verdict = decide(SYSCLOCK_SLEW_BELOW, 1, plain, &options);

	(void)unused;
	assert_int_equal(verdict.decision, DECISION_SLEW);
	assert_int_equal(verdict.correction, -SYSCLOCK_SLEW_BELOW);
	assert_int_equal(verdict.bound, SYSCLOCK_SLEW_BELOW + 1);
	verdict = decide(-SYSCLOCK_SLEW_BELOW - 1, 1, plain, &options);
	assert_int_equal(verdict.decision, DECISION_STEP);
	assert_int_equal(verdict.correction, SYSCLOCK_SLEW_BELOW + 1);
	assert_int_equal(verdict.bound, 1);
	situation.slew_up_to = INT64_MAX;
	assert_int_equal(decide(-SYSCLOCK_SLEW_MAX, 1, situation, &options).decision, DECISION_SLEW);
	assert_int_equal(decide(-SYSCLOCK_SLEW_MAX - 1, 1, situation, &options).decision, DECISION_TOO_FAR_TO_SLEW);
}

static void
floor_and_ceiling(void **unused)
{
	struct set_options options = set_options_default();
	struct situation situation = plain;

	(void)unused;
	/* The resulting clock is judged: a guest in 2008 may be set to today, one in today not to 2008. */
	situation.now = INT64_C(1203108540) * SECOND;
	assert_int_equal(decide(situation.now - NOW, 1, situation, &options).decision, DECISION_STEP);
	assert_int_equal(decide(NOW - situation.now, 1, plain, &options).decision, DECISION_BEFORE_FLOOR);
	situation.now = 0;
	assert_int_equal(decide(1000000 * SECOND, 0, plain, &options).decision, DECISION_STEP);
	assert_int_equal(decide(1000000 * SECOND + 1, 0, plain, &options).decision, DECISION_BEFORE_FLOOR);
	assert_int_equal(decide(NOW - options.not_after * SECOND, 0, plain, &options).decision, DECISION_AFTER_CEILING);
	assert_int_equal(decide(NOW - options.not_after * SECOND + 1, 0, plain, &options).decision, DECISION_STEP);
	/* If source and guest agree on a time before the floor, that is refused, too. */
	situation.now = INT64_C(1203108540) * SECOND;
	assert_int_equal(decide(0, SECOND, situation, &options).decision, DECISION_BEFORE_FLOOR);
}

static void
step_limits(void **unused)
{
	struct set_options options = set_options_default();
	struct situation situation = plain;

	(void)unused;
	options.max_step = 60 * SECOND;
	options.max_back = 5 * SECOND;
	assert_int_equal(decide(-60 * SECOND, 1, plain, &options).decision, DECISION_STEP);
	assert_int_equal(decide(-60 * SECOND - 1, 1, plain, &options).decision, DECISION_TOO_FAR);
	assert_int_equal(decide(5 * SECOND, 1, plain, &options).decision, DECISION_STEP);
	assert_int_equal(decide(5 * SECOND + 1, 1, plain, &options).decision, DECISION_TOO_FAR_BACK);
	assert_int_equal(decide(-6 * SECOND, 1, plain, &options).decision, DECISION_STEP);
	/* If there is nothing to set, there is nothing to refuse. */
	options.max_step = options.max_back = 0;
	assert_int_equal(decide(1, 1, plain, &options).decision, DECISION_WITHIN_BOUND);
	assert_int_equal(decide(2, 1, plain, &options).decision, DECISION_TOO_FAR_BACK);
	situation.delay = options.max_delay;
	assert_int_equal(decide(0, 1, situation, &options).decision, DECISION_WITHIN_BOUND);
	situation.delay++;
	assert_int_equal(decide(0, 1, situation, &options).decision, DECISION_DELAY_TOO_LARGE);
}

static void
another_service(void **unused)
{
	struct set_options options = set_options_default();
	struct situation situation = plain;

	(void)unused;
	situation.other_service = true;
	assert_int_equal(decide(SECOND - 1, 1, situation, &options).decision, DECISION_OTHER_SERVICE);
	assert_int_equal(decide(1 - SECOND, 1, situation, &options).decision, DECISION_OTHER_SERVICE);
	assert_int_equal(decide(SECOND - 1, 1, situation, &options).correction, 0);
	assert_int_equal(decide(SECOND, 1, situation, &options).decision, DECISION_STEP);
	assert_int_equal(decide(1, 1, situation, &options).decision, DECISION_WITHIN_BOUND);
}

static void
agreeing_answer_sets_nothing(void **unused)
{
	struct set_options options = set_options_default();
	struct situation situation = plain;

	(void)unused;
	/* The clock was set to within 0.5 s: a later answer of whole seconds that agrees with this changes nothing. */
	situation.own_bound = SECOND / 2;
	assert_int_equal(decide(SECOND, SECOND / 2, situation, &options).decision, DECISION_WITHIN_BOUND);
	assert_int_equal(decide(-SECOND, SECOND / 2, situation, &options).decision, DECISION_WITHIN_BOUND);
	assert_int_equal(decide(SECOND + 1, SECOND / 2, situation, &options).decision, DECISION_STEP);
	/* A better measurement is not limited by the bound of a worse one. */
	assert_int_equal(decide(3 * SECOND / 10, SECOND / 10, situation, &options).decision, DECISION_STEP);
	assert_int_equal(decide(2 * SECOND / 10, SECOND / 10, situation, &options).decision, DECISION_WITHIN_BOUND);
}

static void
offsets_of_centuries(void **unused)
{
	struct set_options options = set_options_default();
	struct situation situation = plain;

	(void)unused;
	/* At the ends of the range the decision may vary, but it is not a step. */
	situation.now = INT64_MAX;
	assert_true(decision_refuses(decide(INT64_MIN + 1, 1, situation, &options).decision));
	situation.now = INT64_MIN;
	assert_true(decision_refuses(decide(INT64_MAX - 1, 1, situation, &options).decision));
	/* A guest in 2262 is set right. */
	situation.now = INT64_MAX;
	assert_int_equal(decide(INT64_MAX - NOW, 1, situation, &options).decision, DECISION_STEP);
}

static void
set_by_another_program(void **unused)
{
	const struct clock_reading before = { .real = NOW, .raw = 5 * SECOND };
	static const struct {
		nanoseconds elapsed, moved, width;
		int64_t rate;
		bool set;
	} cases[] = {
		{ 0, 0, 0, 0, false },
		/* Allowed beside the causes below: 10 ms.  First cause: the width of both readings. */
		{ 0, 10000000, 0, 0, false }, { 0, 11000000, 0, 0, true }, { 0, -11000000, 0, 0, true },
		{ 0, 11000000, 1000000, 0, false }, { 0, -12000000, 1000000, 0, true },
		/* Second cause: a slew of 500 ppm. */
		{ 1000 * SECOND, 500000000, 0, 0, false }, { 1000 * SECOND, -500000000, 0, 0, false }, { 1000 * SECOND, 520000000, 0, 0, true },
		/* Third cause: the rate, in both directions, because it may have been different a moment ago. */
		{ 1000 * SECOND, 1200000000, 0, 700000, false }, { 1000 * SECOND, -1200000000, 0, -700000, false },
		{ 1000 * SECOND, 1250000000, 0, 700000, true }, { SECOND, -100 * SECOND / 1000, 0, -100000000, false },
		{ SECOND, SECOND / 8, 0, 100000000, true },
		/* No kernel's rate exceeds 100,500 ppm. */
		{ SECOND, SECOND / 8, 0, INT64_MAX, true }, { SECOND, SECOND / 8, 0, INT64_MIN, true },
		/* The ends of the range. */
		{ INT64_MAX - 5 * SECOND, 0, 0, INT64_MAX, true }, { 0, INT64_MAX, 0, 0, true }, { 0, INT64_MIN, 0, 0, true },
		{ SECOND, INT64_MIN, INT64_MAX, 0, false },
		/* The raw clock does not go back within one boot. */
		{ -1, 0, 0, 0, true },
	};

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++) {
		const struct clock_reading now = {
			.real = ns_add(ns_add(before.real, cases[at].elapsed), cases[at].moved), .raw = before.raw + cases[at].elapsed,
			.width = cases[at].width
		};

		if (policy_clock_was_set(&before, &now, cases[at].rate) != cases[at].set)
			fail_msg("case %zu", at);
	}
}

static void
decision_names(void **unused)
{
	(void)unused;
	for (int decision = DECISION_WITHIN_BOUND; decision < DECISIONS; decision++) {
		assert_non_null(decision_name((enum decision)decision));
		assert_non_null(decision_reason((enum decision)decision));
	}
	/* A refusal has one name in rdate's line and in the exchange, which has no word for some. */
	for (int decision = DECISION_BEFORE_FLOOR; decision < DECISIONS; decision++) {
		enum exchange_reason wire = decision_wire_reason((enum decision)decision);

		if (wire != REASON_RANGE)
			assert_string_equal(exchange_reason_name(wire), decision_name((enum decision)decision));
	}
	assert_int_equal(decision_wire_reason(DECISION_RATE_TOO_LARGE), REASON_TOO_FAR);
	assert_int_equal(decision_wire_reason(DECISION_BOUND_TOO_LARGE), REASON_RANGE);
	assert_false(decision_refuses(DECISION_OTHER_SERVICE));
	assert_true(decision_refuses(DECISION_BEFORE_FLOOR));
}

static enum decision
judge_step(nanoseconds now, nanoseconds correction, const struct account *account, const struct set_options *options)
{
	return policy_judge_order(now, account, &(struct exchange_order){ .verb = EXCHANGE_STEP, .value = correction }, options);
}

/* The time limits apply to the clock's reading after the step, the movement limits to it with the earlier movements. */
static void
steps_that_add_up(void **unused)
{
	struct set_options options = set_options_default();
	struct situation situation = plain;
	struct account account = { .raw = 0 };

	(void)unused;
	options.max_step = 10 * SECOND;
	options.max_back = 5 * SECOND;
	assert_int_equal(judge_step(NOW, 10 * SECOND, &account, &options), DECISION_STEP);
	account_move(&account, 10 * SECOND, 5 * SECOND, 6 * SECOND, false);
	assert_int_equal(judge_step(NOW, 4 * SECOND, &account, &options), DECISION_STEP);
	assert_int_equal(judge_step(NOW, 4 * SECOND + 1, &account, &options), DECISION_TOO_FAR);
	/* Back to where the clock was, and a tenth beyond. */
	options.max_back = SECOND / 10;
	assert_int_equal(judge_step(NOW, -66 * SECOND / 10, &account, &options), DECISION_STEP);
	assert_int_equal(judge_step(NOW, -66 * SECOND / 10 - 1, &account, &options), DECISION_TOO_FAR_BACK);
	options.max_back = INT64_MAX;
	options.max_step = SECOND;
	assert_int_equal(judge_step(NOW, -7 * SECOND - 1, &account, &options), DECISION_TOO_FAR);
	/* The same for a measured offset, the opposite of the correction. */
	situation.account = account;
	assert_int_equal(decide(7 * SECOND, 1, situation, &options).decision, DECISION_STEP);
	assert_int_equal(decide(7 * SECOND + 1, 1, situation, &options).decision, DECISION_TOO_FAR);
	assert_int_equal(decide(-1, 0, situation, &options).decision, DECISION_TOO_FAR);
	/* The ends of the range. */
	options = set_options_default();
	account.position = INT64_MIN + 5;
	assert_int_equal(judge_step(options.not_after * SECOND - 2, 1, &account, &options), DECISION_STEP);
	assert_int_equal(judge_step(options.not_after * SECOND - 2, 2, &account, &options), DECISION_AFTER_CEILING);
	assert_int_equal(judge_step(INT64_MAX, INT64_MAX, &account, &options), DECISION_AFTER_CEILING);
	assert_int_equal(judge_step(0, INT64_MIN, &account, &options), DECISION_BEFORE_FLOOR);
}

static void
other_orders(void **unused)
{
	static const struct { enum exchange_verb verb; nanoseconds value; enum decision decision; } cases[] = {
		{ EXCHANGE_SLEW, SYSCLOCK_SLEW_MAX, DECISION_STEP },
		{ EXCHANGE_SLEW, -SYSCLOCK_SLEW_MAX, DECISION_STEP },
		{ EXCHANGE_SLEW, SYSCLOCK_SLEW_MAX + 1, DECISION_TOO_FAR_TO_SLEW },
		{ EXCHANGE_SLEW, -SYSCLOCK_SLEW_MAX - 1, DECISION_BEFORE_FLOOR },
		{ EXCHANGE_RATE, 500000, DECISION_STEP },
		{ EXCHANGE_RATE, -500000, DECISION_STEP },
		{ EXCHANGE_RATE, 500001, DECISION_RATE_TOO_LARGE },
		{ EXCHANGE_RATE, -500001, DECISION_RATE_TOO_LARGE },
		{ EXCHANGE_BOUND, SYSCLOCK_BOUND_MAX, DECISION_STEP },
		{ EXCHANGE_BOUND, SYSCLOCK_BOUND_MAX + 1, DECISION_BOUND_TOO_LARGE },
	};
	struct set_options options = set_options_default();

	(void)unused;
	options.max_rate = 500000;
	options.not_before = NOW / SECOND - 2145;
	for (size_t at = 0; at < LENGTH(cases); at++)
		if (policy_judge_order(NOW, &(struct account){ .raw = 0 },
		    &(struct exchange_order){ .verb = cases[at].verb, .value = cases[at].value }, &options) != cases[at].decision)
			fail_msg("case %zu", at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_clock_is_left_alone),
		cmocka_unit_test(step_or_slew),
		cmocka_unit_test(floor_and_ceiling),
		cmocka_unit_test(step_limits),
		cmocka_unit_test(another_service),
		cmocka_unit_test(agreeing_answer_sets_nothing),
		cmocka_unit_test(offsets_of_centuries),
		cmocka_unit_test(set_by_another_program),
		cmocka_unit_test(decision_names),
		cmocka_unit_test(steps_that_add_up),
		cmocka_unit_test(other_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
