/* interval, nstime: signs, halves, and sums beyond 64 bits. */
#include "unit.h"

#include "lib/offset_interval.h"

static void
measures(void **unused)
{
	/* Asked at 100 and answered at 104; the source's reading lies in [50, 60]: the guest is 40 to 54 ahead. */
	struct interval offset = interval_measured(100, 104, 50, 60);

	(void)unused;
	assert_int_equal(offset.low, 40);
	assert_int_equal(offset.high, 54);
	assert_int_equal(interval_middle(offset), 47);
	assert_int_equal(interval_bound(offset), 7);
	/* A guest that is behind has a negative offset. */
	offset = interval_measured(0, 0, 10, 11);
	assert_int_equal(offset.low, -11);
	assert_int_equal(offset.high, -10);
	assert_int_equal(interval_bound(offset), 1);
	/* The clock was set back during the question: the result is still an interval. */
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
	/* A bound is never negative, and never smaller than the interval needs, up to INT64_MAX. */
	assert_int_equal(interval_bound(widest), INT64_MAX);
	assert_int_equal(interval_bound((struct interval){ INT64_MIN, INT64_MAX - 1 }), INT64_MAX);
	assert_int_equal(interval_bound((struct interval){ INT64_MIN + 1, INT64_MAX }), INT64_MAX);
	assert_int_equal(ns_multiply(INT64_MAX / 4 + 1, 4), INT64_MAX);
	assert_int_equal(ns_multiply(INT64_MAX / 4 + 1, -4), INT64_MIN);
	assert_int_equal(ns_multiply(INT64_MIN, -1), INT64_MAX);
	assert_int_equal(ns_multiply(-3, 7), -21);
	assert_int_equal(ns_from_seconds(INT64_C(9223372037)), INT64_MAX);
	assert_int_equal(ns_from_seconds(INT64_C(-9223372037)), INT64_MIN);
	assert_int_equal(interval_widened((struct interval){ 1, 2 }, INT64_MAX).high, INT64_MAX);
}

/* The second of a time and its fraction, before and after 1970 and at the ends of the range. */
static void
parts(void **unused)
{
	(void)unused;
	assert_int_equal(seconds_floor(-1), -1);
	assert_int_equal(seconds_fraction(-1), 999999999);
	assert_int_equal(seconds_floor(-NS_PER_SECOND), -1);
	assert_int_equal(seconds_fraction(-NS_PER_SECOND), 0);
	assert_int_equal(seconds_floor(NS_PER_SECOND + 1), 1);
	assert_int_equal(seconds_fraction(NS_PER_SECOND + 1), 1);
	assert_int_equal(seconds_floor(INT64_MIN), INT64_C(-9223372037));
	assert_int_equal(seconds_fraction(INT64_MIN), 145224192);
	assert_int_equal(ns_to_microseconds_up(0), 0);
	assert_int_equal(ns_to_microseconds_up(1), 1);
	assert_int_equal(ns_to_microseconds_up(1000), 1);
	assert_int_equal(ns_to_microseconds_up(1001), 2);
	assert_int_equal(ns_to_microseconds_up(INT64_MAX), INT64_MAX / 1000 + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures),
		cmocka_unit_test(zero),
		cmocka_unit_test(saturates),
		cmocka_unit_test(parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
