/* drift: computed from the measurements of two runs. */
#include "unit.h"

#include <string.h>

#include "host/drift.h"

static const struct record stepped = { .result = CLIENT_DONE, .action = ACTION_STEP,
	.before = { -592310418762379951, 515000, 1030000, INT64_C(1795419998900000000) },
	.after = { -18174, 490000, 980000, INT64_C(1795419998950000000) }, .boot = "3b274584-e04e-4b6f-96bd-89cc31b1b0dd" };

static void
drifts(void **unused)
{
	struct record none = { .time = 0 }, first = stepped, now = stepped;

	(void)unused;
	/* After a step, the reference is the measurement that followed it. */
	drift_follow(&none, &first);
	assert_false(first.has_drift);
	assert_int_equal(first.reference.left, first.after.offset);
	now.action = ACTION_NONE;
	now.before.time = first.after.time + 300 * NS_PER_SECOND;
	now.before.offset = first.after.offset - 222 * NS_PER_MILLISECOND;
	drift_follow(&first, &now);
	assert_true(now.has_drift);
	assert_int_equal(now.drift_ppb, -740000);
	/* Nothing was corrected: the reference does not change. */
	assert_memory_equal(&now.reference, &first.reference, sizeof now.reference);
	/* No drift: too soon, too far, another boot. */
	now.before.time = first.after.time + 59 * NS_PER_SECOND;
	drift_follow(&first, &now);
	assert_false(now.has_drift);
	now.before.time = first.after.time + 300 * NS_PER_SECOND;
	now.before.offset = first.after.offset - 31 * NS_PER_SECOND;
	drift_follow(&first, &now);
	assert_false(now.has_drift);
	now.before.offset = first.after.offset;
	strcpy(now.boot, "another");
	drift_follow(&first, &now);
	assert_false(now.has_drift);
	assert_int_equal(now.reference.time, now.after.time);
	/* An unknown boot is not known to be the same. */
	strcpy(first.boot, "-");
	strcpy(now.boot, "-");
	drift_follow(&first, &now);
	assert_false(now.has_drift);
}

static void
drift_after_a_slew(void **unused)
{
	struct record none = { .time = 0 }, slewed = stepped, now = stepped;

	(void)unused;
	/* A slew of 80 ms takes 160 s; only after that can the drift be measured. */
	slewed.action = ACTION_SLEW;
	slewed.before.offset = slewed.after.offset = 80 * NS_PER_MILLISECOND;
	drift_follow(&none, &slewed);
	assert_int_equal(slewed.reference.settled - slewed.reference.time, 160 * NS_PER_SECOND);
	now.action = ACTION_NONE;
	now.before.time = slewed.after.time + 100 * NS_PER_SECOND;
	now.before.offset = 30 * NS_PER_MILLISECOND;
	drift_follow(&slewed, &now);
	assert_false(now.has_drift);
	now.before.time = slewed.after.time + 300 * NS_PER_SECOND;
	now.before.offset = 0;
	drift_follow(&slewed, &now);
	assert_true(now.has_drift);
	assert_int_equal(now.drift_ppb, 0);
	now.before.offset = 50 * NS_PER_MILLISECOND;
	drift_follow(&slewed, &now);
	assert_int_equal(now.drift_ppb, 166666);
	/* A slew that takes longer than 64 bits can count never settles. */
	slewed.after.offset = INT64_MIN;
	drift_follow(&none, &slewed);
	assert_int_equal(slewed.reference.settled, INT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drifts),
		cmocka_unit_test(drift_after_a_slew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
