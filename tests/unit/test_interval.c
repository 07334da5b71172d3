/* interval: signs, halves, and sums beyond 64 bits. */
#include "unit.h"

#include "interval.h"

static void
measures(void **unused)
{
	/* Asked at 100, answered at 104, the source read somewhere in [50, 60]: the guest is 40 to 54 ahead. */
	struct interval offset = interval_measured(100, 104, 50, 60);

	(void)unused;
	assert_int_equal(offset.low, 40);
	assert_int_equal(offset.high, 54);
	assert_int_equal(interval_middle(offset), 47);
	assert_int_equal(interval_bound(offset), 7);
	/* A guest behind has a negative offset. */
	offset = interval_measured(0, 0, 10, 11);
	assert_int_equal(offset.low, -11);
	assert_int_equal(offset.high, -10);
	assert_int_equal(interval_bound(offset), 1);
	/* Set back while asking: still an interval. */
	offset = interval_measured(104, 100, 50, 60);
	assert_true(offset.low <= offset.high);
}

static void
zero(void **unused)
{
	(void)unused;
	assert_true(interval_contains_zero((struct interval){ 0, 0 }));
	assert_true(interval_contains_zero((struct interval){ -1, 0 }));
	assert_true(interval_contains_zero((struct interval){ 0, 1 }));
	assert_false(interval_contains_zero((struct interval){ 1, 2 }));
	assert_false(interval_contains_zero((struct interval){ -2, -1 }));
}

static void
saturates(void **unused)
{
	struct interval widest = { INT64_MIN, INT64_MAX };

	(void)unused;
	assert_int_equal(ns_add(INT64_MAX, 1), INT64_MAX);
	assert_int_equal(ns_add(INT64_MIN, -1), INT64_MIN);
	assert_int_equal(ns_subtract(INT64_MIN, 1), INT64_MIN);
	assert_int_equal(ns_subtract(INT64_MAX, -1), INT64_MAX);
	assert_int_equal(ns_subtract(0, INT64_MIN), INT64_MAX);
	assert_int_equal(ns_magnitude(INT64_MIN), INT64_MAX);
	assert_int_equal(interval_middle(widest), -1);
	assert_true(interval_bound(widest) > 0 || interval_bound(widest) == INT64_MIN);
	assert_int_equal(interval_widened((struct interval){ 1, 2 }, INT64_MAX).high, INT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures),
		cmocka_unit_test(zero),
		cmocka_unit_test(saturates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
