/* host_clock: whether the host's own clock may be a reference. */
#include "unit.h"

#include "host/host_clock.h"

#define MS NS_PER_MILLISECOND
#define S NS_PER_SECOND

static const struct sysclock_set begin = { .raw = 100 * S, .real = INT64_C(1800000000) * S, .boot = 100 * S,
	.monotonic = 100 * S, .width = 500 };

/* All clocks run on for TIME. */
static void
pass(struct sysclock_set *reading, nanoseconds time)
{
	reading->raw += time;
	reading->real += time;
	reading->boot += time;
	reading->monotonic += time;
}

static enum host_event
take(struct host_clock *clock, struct sysclock_set *reading, bool synchronised)
{
	enum host_event event = host_clock_take(clock, reading, synchronised);

	pass(reading, S);
	return event;
}

static void
begins(void **unused)
{
	(void)unused;
	for (int at = 0; at < 4; at++) {
		struct host_clock clock = { .require_sync = (at & 1) != 0 };
		struct sysclock_set reading = begin;

		assert_int_equal(take(&clock, &reading, (at & 2) != 0), HOST_SAME);
		assert_int_equal(clock.believed, at != 1);
	}
}

static void
sleeps(void **unused)
{
	struct host_clock clock = { .begun = false };
	struct sysclock_set reading = begin;

	(void)unused;
	take(&clock, &reading, true);
	/* CLOCK_BOOTTIME and the real-time clock go on. */
	reading.boot += 3600 * S;
	reading.real += 3600 * S;
	assert_int_equal(take(&clock, &reading, true), HOST_SLEPT);
	assert_true(clock.believed);
	assert_int_equal(take(&clock, &reading, true), HOST_SAME);
	/* A vague reading tells it later. */
	reading.boot += 3600 * S;
	reading.real += 3600 * S;
	reading.width = 2 * MS;
	assert_int_equal(take(&clock, &reading, true), HOST_SAME);
	reading.width = 500;
	assert_int_equal(take(&clock, &reading, true), HOST_SLEPT);
	/* It wakes with a wrong clock. */
	reading.boot += 3600 * S;
	reading.real += 3602 * S;
	assert_int_equal(take(&clock, &reading, true), HOST_STEPPED);
	assert_false(clock.believed);
}

static void
is_stepped(void **unused)
{
	static const nanoseconds steps[] = { 2 * MS, -2 * MS, 3600 * S, -INT64_C(1700000000) * S };

	(void)unused;
	/* With every combination of being synchronised before and after, and of what the user wants. */
	for (size_t at = 0; at < 8 * LENGTH(steps); at++) {
		struct host_clock clock = { .require_sync = (at & 1) != 0 };
		struct sysclock_set reading = begin;
		bool before = (at & 2) != 0, after = (at & 4) != 0;

		for (int second = 0; second < 30; second++)
			take(&clock, &reading, before);
		reading.real += steps[at / 8];
		assert_int_equal(take(&clock, &reading, after), HOST_STEPPED);
		for (int second = 1; second < 10; second++) {
			assert_false(clock.believed);
			assert_int_equal(take(&clock, &reading, after), HOST_SAME);
		}
		assert_false(clock.believed);
		take(&clock, &reading, after);
		/* One that was synchronised has to be so again. */
		assert_int_equal(clock.believed, after || (!before && !clock.require_sync));
		/* It becomes so, and stays it for long enough. */
		for (int second = 0; second <= 10; second++)
			take(&clock, &reading, true);
		assert_true(clock.believed);
	}
}

static void
is_stepped_again(void **unused)
{
	struct host_clock clock = { .begun = false };
	struct sysclock_set reading = begin;

	(void)unused;
	take(&clock, &reading, true);
	for (int second = 0; second < 100; second++) {
		if (second % 8 == 0)
			reading.real += S;
		/* A step clears the kernel's mark: what counts is the time before the first. */
		assert_int_equal(take(&clock, &reading, false), second % 8 == 0 ? HOST_STEPPED : HOST_SAME);
		assert_false(clock.believed);
	}
	for (int second = 0; second < 100; second++)
		take(&clock, &reading, false);
	assert_false(clock.believed);
	for (int second = 0; second <= 10; second++)
		take(&clock, &reading, true);
	assert_true(clock.believed);
}

static void
loses_synchronisation(void **unused)
{
	(void)unused;
	for (int require = 0; require < 2; require++) {
		struct host_clock clock = { .require_sync = require != 0 };
		struct sysclock_set reading = begin;

		take(&clock, &reading, true);
		take(&clock, &reading, false);
		assert_int_equal(clock.believed, require == 0);
		take(&clock, &reading, true);
		assert_true(clock.believed);
	}
}

static void
small_and_vague(void **unused)
{
	struct host_clock clock = { .begun = false };
	struct sysclock_set reading = begin;

	(void)unused;
	/* The first reading is vague, and the next shows the true difference: that is no step. */
	reading.width = 50 * MS;
	reading.real += 20 * MS;
	take(&clock, &reading, true);
	reading.width = 500;
	reading.real -= 20 * MS;
	assert_int_equal(take(&clock, &reading, true), HOST_SAME);
	assert_true(clock.believed);
	/* A slew at 500 ppm, and a step too small to matter. */
	for (int second = 0; second < 100; second++) {
		reading.real += MS / 2;
		assert_int_equal(take(&clock, &reading, true), HOST_SAME);
	}
	/* A vague reading is no step; a step that it hides is found afterwards. */
	reading.width = 50 * MS;
	reading.real += 30 * MS;
	assert_int_equal(take(&clock, &reading, true), HOST_SAME);
	assert_true(clock.believed);
	reading.width = 500;
	assert_int_equal(take(&clock, &reading, true), HOST_STEPPED);
	assert_false(clock.believed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins),
		cmocka_unit_test(sleeps),
		cmocka_unit_test(is_stepped),
		cmocka_unit_test(is_stepped_again),
		cmocka_unit_test(loses_synchronisation),
		cmocka_unit_test(small_and_vague),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
