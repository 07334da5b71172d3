/* query_answer: the struct that comes through the pipe from the asking process. */
#include "fuzz.h"

#include "lib/sysclock.h"
#include "lib/text.h"
#include "set/policy.h"
#include "set/query.h"
#include "set/query_answer.h"

static void
check_judged(const struct query_answer *answer)
{
	struct set_options options = set_options_default();
	struct situation situation = { .offset = answer->offset, .now = INT64_C(1795419998000000000),
		.delay = answer->delay, .slew_up_to = SYSCLOCK_SLEW_BELOW };
	struct policy_verdict verdict = policy_decide(&situation, &options);
	nanoseconds middle = interval_middle(answer->offset), bound = interval_bound(answer->offset);
	char seconds[SECONDS_TEXT];

	REQUIRE(middle >= answer->offset.low && middle <= answer->offset.high);
	REQUIRE(bound >= 0 && verdict.bound >= 0);
	REQUIRE(decision_name(verdict.decision) != NULL && decision_reason(verdict.decision) != NULL);
	/* Whatever the asking process sends, the clock is not set beyond the limits. */
	if (verdict.decision == DECISION_STEP || verdict.decision == DECISION_SLEW) {
		nanoseconds then = ns_add(situation.now, verdict.correction);

		REQUIRE(seconds_floor(then) >= options.not_before && seconds_floor(then) < options.not_after);
		REQUIRE(situation.delay <= options.max_delay);
	} else
		REQUIRE(verdict.correction == 0);
	format_seconds(verdict.bound, seconds);
	REQUIRE(seconds[0] == '+');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query_answer answer;
	char text[160];

	if (size > sizeof answer)
		return 0;
	memset(&answer, 0, sizeof answer);
	memcpy(&answer, data, size);
	if (!query_answer_valid(&answer))
		return 0;
	REQUIRE(answer.outcome < QUERY_OUTCOMES && answer.delay >= 0 && answer.offset.low <= answer.offset.high);
	/* These go to the client and into the log. */
	REQUIRE(strnlen(answer.source, sizeof answer.source) < sizeof answer.source && fuzz_printable(answer.source));
	REQUIRE(strnlen(answer.text, sizeof answer.text) < sizeof answer.text && fuzz_printable(answer.text));
	query_describe(&answer, text, sizeof text);
	REQUIRE(fuzz_is_line(text, sizeof text));
	check_judged(&answer);
	return 0;
}
