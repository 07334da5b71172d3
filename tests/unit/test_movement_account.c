/* account: movements of many sessions against the limits of an hour, and the way back. */
#include "unit.h"

#include <string.h>

#include "set/movement_account.h"

#define SECOND NS_PER_SECOND
#define MINUTE (60 * SECOND)
#define HOUR ACCOUNT_HOUR
#define DAY ACCOUNT_DAY
/* The longest that an hour is remembered, and a position. */
#define LONG_HOUR (HOUR / 6 * 7)
#define LONG_DAY (LONG_HOUR + DAY / 6 * 7)

static struct account account;
static nanoseconds raw, slew_left;
static int64_t rate;
static nanoseconds max_step, max_back;

static int
start(void **unused)
{
	(void)unused;
	account = (struct account){ .raw = 0 };
	raw = 12345 * SECOND;
	slew_left = rate = 0;
	max_step = max_back = INT64_MAX;
	account_advance(&account, raw, 0, 0);
	return 0;
}

static bool
allowed(nanoseconds correction)
{
	struct interval room;

	account_advance(&account, raw, slew_left, rate);
	room = account_room(&account, max_step, max_back);
	return correction >= room.low && correction <= room.high;
}

/* Moves if that is allowed, as the next session does. */
static bool
moved(nanoseconds correction, bool slew)
{
	char text[ACCOUNT_TEXT];
	bool moves = allowed(correction);

	if (moves) {
		account_move(&account, max_step, max_back, correction, slew);
		slew_left = slew ? correction : 0;
	}
	account_write(&account, text);
	assert_true(account_read(text, &account));
	return moves;
}

static bool
step(nanoseconds correction)
{
	return moved(correction, false);
}

static void
no_limits(void **unused)
{
	(void)unused;
	assert_true(allowed(INT64_MAX) && allowed(INT64_MIN));
	max_back = 5 * SECOND;
	assert_true(allowed(INT64_MAX) && allowed(-5 * SECOND) && !allowed(-5 * SECOND - 1));
	/* --max-step limits both directions. */
	max_step = 3 * SECOND;
	assert_true(allowed(3 * SECOND) && !allowed(3 * SECOND + 1) && allowed(-3 * SECOND) && !allowed(-3 * SECOND - 1));
}

static void
sessions_add_up(void **unused)
{
	(void)unused;
	max_step = max_back = 10 * SECOND;
	assert_true(step(99 * SECOND / 10));
	for (int session = 0; session < 20; session++)
		assert_false(step(99 * SECOND / 10));
	assert_true(step(SECOND / 10));
	assert_false(allowed(1));
	/* After an hour the limit begins anew. */
	raw += HOUR - 1;
	assert_false(allowed(1));
	raw += LONG_HOUR - HOUR + 1;
	assert_true(step(10 * SECOND) && !allowed(1));
}

/* However often and at whatever times: in any hour at most the limit. */
static void
forward_in_any_hour(void **unused)
{
	nanoseconds at[500], position[500];

	(void)unused;
	max_step = 10 * SECOND;
	for (int move = 0; move < 500; move++) {
		raw += (move * 7919 % 100) * 10 * SECOND;
		while (step(3 * SECOND))
			continue;
		at[move] = raw;
		position[move] = account.position;
		for (int earlier = 0; earlier < move; earlier++)
			if (raw - at[earlier] <= HOUR)
				assert_true(position[move] - position[earlier] <= max_step);
	}
	/* Some 69 hours at 9 s. */
	assert_true(account.position > 400 * SECOND);
}

/*
 * The rule of movement_account.h, for movements at random, thieves who go to and fro among them: beyond all positions of the day,
 * a correction goes at most by the limit from those that are an hour old or older.
 */
static void
rule(void **unused)
{
	static nanoseconds at[4000], position[4000];
	uint32_t random = 1;

	(void)unused;
	max_step = 10 * SECOND;
	max_back = 4 * SECOND;
	at[0] = raw;
	for (int move = 1; move < 4000; move++) {
		nanoseconds low = 0, high = 0, old_low = INT64_MAX, old_high = INT64_MIN;

		random = random * 1664525 + 1013904223;
		raw += (random >> 8) % 8 == 0 ? LONG_DAY / 3 : (random >> 8) % 1200 * SECOND;
		for (int earlier = move - 1;
		    earlier >= 0 && (earlier == move - 1 || raw - at[earlier + 1] <= LONG_DAY); earlier--) {
			bool old = raw - at[earlier] >= HOUR;

			low = earlier == move - 1 || position[earlier] < low ? position[earlier] : low;
			high = earlier == move - 1 || position[earlier] > high ? position[earlier] : high;
			if (old) {
				old_low = position[earlier] < old_low ? position[earlier] : old_low;
				old_high = position[earlier] > old_high ? position[earlier] : old_high;
			}
		}
		random = random * 1664525 + 1013904223;
		step((nanoseconds)(random >> 4) % (30 * SECOND) - 15 * SECOND);
		at[move] = raw;
		position[move] = account.position;
		if (position[move] > high + ACCOUNT_NEAR && old_high != INT64_MIN)
			assert_true(position[move] <= old_high + max_step);
		if (position[move] < low - ACCOUNT_NEAR && old_low != INT64_MAX)
			assert_true(position[move] >= old_low - max_back);
	}
}

/* What another undid takes nothing from the honest host. */
static void
nothing_in_all(void **unused)
{
	(void)unused;
	max_step = HOUR;
	for (int time = 0; time < 60; time++) {
		assert_true(step(-HOUR) && step(HOUR));
		for (int try = 0; try < 5; try++) {
			raw += 10 * MINUTE;
			assert_true(allowed(40 * MINUTE) && allowed(-40 * MINUTE) && allowed(HOUR) && !allowed(HOUR + 1));
		}
	}
	/* A thief sets the clock wrong, and the guest is paused: one step corrects both, for a day. */
	assert_true(step(-HOUR));
	raw += 23 * HOUR;
	assert_true(allowed(HOUR + 40 * MINUTE));
	assert_false(allowed(2 * HOUR + 1));
	raw += LONG_DAY;
	assert_false(allowed(HOUR + 40 * MINUTE));
}

static void
pauses_twice_a_day(void **unused)
{
	(void)unused;
	max_step = HOUR;
	for (int pause = 0; pause < 200; pause++) {
		assert_true(step(40 * MINUTE));
		raw += 12 * HOUR;
	}
	/* Two within an hour are more than the limit; after another hour the second is corrected as well. */
	assert_true(step(40 * MINUTE));
	raw += HOUR / 2;
	assert_false(step(40 * MINUTE));
	raw += HOUR;
	assert_true(step(40 * MINUTE));
}

static void
way_back(void **unused)
{
	(void)unused;
	max_step = 10 * SECOND;
	max_back = 0;
	/* A thief moves the clock for 20 hours; then the host that was away sets it right in one step. */
	for (int hour = 0; hour < 20; hour++) {
		assert_true(step(10 * SECOND));
		raw += LONG_HOUR;
	}
	assert_true(step(-200 * SECOND - 1000));
	assert_false(allowed(-1));
	/* A return that came a little too far does not let the next one come farther. */
	for (int time = 0; time < 20; time++) {
		assert_true(step(5 * SECOND));
		assert_false(allowed(-7 * SECOND));
		assert_true(step(-5 * SECOND));
	}
	assert_true(step(1000));
	/* In the other direction. */
	raw += 2 * LONG_DAY;
	max_back = INT64_MAX;
	assert_true(step(-10 * SECOND));
	raw += LONG_HOUR;
	assert_true(step(-10 * SECOND) && !allowed(-1));
	assert_true(step(20 * SECOND));
	raw += LONG_HOUR;
	/* After a day, a position is no longer one to return to. */
	assert_true(step(10 * SECOND));
	raw += LONG_HOUR;
	max_back = 0;
	assert_true(allowed(-10 * SECOND));
	raw += LONG_DAY;
	assert_false(allowed(-1));
}

/* A return comes at most a little beyond the range, however often and however long the clock stays there. */
static void
beyond(void **unused)
{
	(void)unused;
	max_step = HOUR;
	max_back = 0;
	for (int time = 0; time < 40; time++) {
		assert_true(step(10 * SECOND - account.position));
		assert_true(step(-11 * SECOND) && !allowed(-1));
		/* It may go a little back in, and stay. */
		step(1);
		assert_true(account.position >= -SECOND && allowed(0));
		raw += 4 * HOUR + 40 * SECOND;
	}
	assert_false(allowed(-1));
	/* A rate moves it from there, and only by that much the range. */
	account_order_rate(&account, -1000000);
	rate = -1000000;
	raw += 1000 * SECOND;
	assert_true(allowed(0));
	assert_true(account.position >= -2 * SECOND);
	assert_true(step(12 * SECOND));
	assert_false(allowed(-14 * SECOND));
}

static void
slews(void **unused)
{
	(void)unused;
	max_step = 10 * SECOND;
	/* A slew counts when it is ordered, and what is left of it when it is replaced does not count. */
	assert_true(moved(10 * SECOND, true));
	assert_true(moved(10 * SECOND, true) && !allowed(11 * SECOND + 1));
	raw += 2000 * SECOND;
	/* Of the last second it is not known whether it is done. */
	slew_left = 9 * SECOND;
	assert_true(allowed(9 * SECOND + ACCOUNT_SLEW_SECOND) && !allowed(9901 * SECOND / 1000));
	/* A step ends it. */
	assert_true(step(-SECOND + ACCOUNT_SLEW_SECOND));
	assert_int_equal(account.position, 0);
	/* The same slew and its opposite by a step, again and again, get nowhere. */
	assert_true(moved(9 * SECOND, true));
	assert_true(step(-9 * SECOND));
	for (int time = 0; time < 9; time++) {
		assert_true(moved(9 * SECOND, true));
		assert_false(step(-9 * SECOND));
	}
	/* Another program's slew is not one of this account. */
	slew_left = -5 * SECOND;
	assert_true(allowed(0));
	assert_int_equal(account.slew, 0);
}

/* The range has where the clock was, not where a slew that is not complete would have taken it. */
static void
slews_that_last(void **unused)
{
	(void)unused;
	for (int sign = 1; sign >= -1; sign -= 2) {
		start(NULL);
		max_step = max_back = 10 * SECOND;
		assert_true(moved(sign * 10 * SECOND, true));
		raw += 71 * MINUTE;
		slew_left = sign * (10 * SECOND - 71 * 60 * SECOND / 2000);
		/* It was at 2.1 s at most. */
		assert_true(allowed(sign * 7 * SECOND) && !allowed(sign * 101 * SECOND / 10));
	}
}

/* At the start of a second the kernel has taken 500 us off slew_left and slewed nothing yet. */
static void
slews_within_a_second(void **unused)
{
	(void)unused;
	max_step = HOUR;
	max_back = 0;
	for (int time = 0; time < 100; time++) {
		assert_true(moved(SECOND, true));
		slew_left -= ACCOUNT_SLEW_SECOND;
		assert_false(step(-ACCOUNT_SLEW_SECOND));
		assert_false(step(-1));
		assert_true(step(0));
	}
	assert_int_equal(account.position, 0);
	/* At its end.  Of a slew back, that is assumed. */
	max_back = INT64_MAX;
	assert_true(moved(-SECOND, true));
	slew_left += ACCOUNT_SLEW_SECOND;
	assert_true(allowed(0));
	assert_int_equal(account.position - account.slew, -ACCOUNT_SLEW_SECOND);
	/* The last second of a slew, and long after it. */
	assert_true(moved(300000, true));
	slew_left = 0;
	raw += SECOND;
	assert_true(allowed(0));
	assert_int_equal(account.slew, 300000);
	raw += 4 * SECOND;
	assert_true(allowed(0));
	assert_int_equal(account.slew, 0);
	assert_true(moved(SECOND, true));
	slew_left = 0;
	raw += 2000 * SECOND;
	assert_true(allowed(0));
	assert_int_equal(account.slew, ACCOUNT_SLEW_SECOND);
	raw += 2000 * SECOND;
	assert_true(allowed(0));
	assert_int_equal(account.slew, 0);
}

static void
order_rate(int64_t ppb)
{
	assert_true(allowed(0));
	account_order_rate(&account, ppb);
	rate = ppb;
}

/* A rate allows a step back only by what it has moved, and all of that, however many hours it took. */
static void
rates(void **unused)
{
	(void)unused;
	max_step = SECOND;
	max_back = 0;
	order_rate(1000000);
	assert_false(allowed(-1));
	order_rate(0);
	assert_false(allowed(-1));
	order_rate(1000000);
	raw += 10 * HOUR;
	assert_true(allowed(-36 * SECOND) && !allowed(-37 * SECOND - 1));
	assert_true(step(-36 * SECOND));
	assert_false(allowed(-1));
	order_rate(0);
	raw += 20 * HOUR;
	assert_false(allowed(-1));
	/* Every sixth of an hour, and after a day of it, back by that day's. */
	order_rate(-1000000);
	for (int time = 0; time < 6 * 48; time++) {
		raw += 10 * MINUTE;
		assert_true(allowed(0));
	}
	assert_true(allowed(24 * 36 * SECOND / 10) && !allowed(30 * 36 * SECOND / 10));
	assert_true(step(24 * 36 * SECOND / 10));
	/* The same without a request in between. */
	order_rate(0);
	raw += 2 * LONG_DAY;
	order_rate(-1000000);
	raw += 48 * HOUR;
	assert_true(allowed(24 * 36 * SECOND / 10) && !allowed(30 * 36 * SECOND / 10 + SECOND));
	/* What the clock is beside the rate before is what counts; and not if another program has set the rate. */
	start(NULL);
	max_step = max_back = 0;
	rate = 50000;
	order_rate(-950000);
	raw += 1000 * SECOND;
	assert_true(allowed(SECOND) && !allowed(11 * SECOND / 10 + 1));
	rate = 12345;
	raw += 1000 * SECOND;
	assert_true(allowed(SECOND) && !allowed(11 * SECOND / 10 + 1));
	/* Numbers of a damaged file. */
	account_order_rate(&account, INT64_MAX);
	account.rate_before = INT64_MIN;
	rate = INT64_MAX;
	raw = INT64_MAX;
	assert_true(allowed(0));
}

static void
ordered_rates(void **unused)
{
	(void)unused;
	assert_false(account_rate_is_ordered(&account));
	account_advance(&account, raw, 0, 12000);
	account_order_rate(&account, 1000000);
	assert_true(account_rate_is_ordered(&account));
	account_order_rate(&account, 500000);
	assert_int_equal(account.rate_before, 12000);
	/* As the kernel rounds it. */
	account_advance(&account, raw, 0, 499999);
	assert_true(account_rate_is_ordered(&account));
	assert_true(account_rate_is(&account, 500000) && account_rate_is(&account, 499998) && !account_rate_is(&account, 500001));
	/* Another program has set the rate since. */
	account_advance(&account, raw, 0, 400000);
	assert_false(account_rate_is_ordered(&account));
	account_order_rate(&account, 1);
	assert_int_equal(account.rate_before, 400000);
	account_order_rate(&account, 400000);
	assert_false(account_rate_is_ordered(&account));
}

static void
sets(void **unused)
{
	int64_t last;

	(void)unused;
	assert_int_equal(account.sets, 0);
	account_count_set(&account);
	assert_int_equal(account.sets, raw);
	/* Two sets at the same time. */
	account_count_set(&account);
	assert_int_equal(account.sets, raw + 1);
	raw += SECOND;
	account_advance(&account, raw, 0, 0);
	assert_int_equal(account.sets, raw - SECOND + 1);
	account_count_set(&account);
	last = account.sets;
	assert_int_equal(last, raw);
	/* A new account, even with as many sets: another number. */
	raw -= 100;
	account_advance(&account, raw, 0, 0);
	assert_int_equal(account.sets, 0);
	for (int set = 0; set < 3; set++) {
		account_count_set(&account);
		assert_true(account.sets > 0 && account.sets != last);
	}
	/* A damaged file may have any number. */
	account.sets = INT64_MAX;
	account_count_set(&account);
	assert_int_equal(account.sets, INT64_MAX);
}

static void
raw_clock_goes_back(void **unused)
{
	(void)unused;
	max_step = 10 * SECOND;
	assert_true(step(10 * SECOND) && !allowed(1));
	raw--;
	assert_true(step(10 * SECOND) && !allowed(1));
	/* The ends of the range. */
	raw = INT64_MAX;
	assert_true(allowed(10 * SECOND));
	raw = INT64_MIN;
	assert_true(step(10 * SECOND) && !allowed(1));
}

static void
text_form(void **unused)
{
	struct account read;
	char text[ACCOUNT_TEXT], damaged[ACCOUNT_TEXT];

	(void)unused;
	account_move(&account, INT64_MAX, INT64_MAX, -5, true);
	account_write(&account, text);
	assert_int_equal(strlen(text), ACCOUNT_TEXT - 1);
	assert_non_null(strstr(text, " fffffffffffffffb 0000000000000000 fffffffffffffffb "));
	assert_true(account_read(text, &read));
	assert_memory_equal(&read, &account, sizeof read);
	for (size_t at = 0; at < ACCOUNT_TEXT - 1; at++) {
		memcpy(damaged, text, sizeof damaged);
		damaged[at] = at % 3 == 0 ? '\0' : at % 3 == 1 ? 'g' : 'A';
		assert_false(account_read(damaged, &read));
		assert_int_equal(read.position, 0);
	}
	for (size_t at = 0; at <= offsetof(struct account, sets); at += offsetof(struct account, sets)) {
		account_write(&account, text);
		text[at / sizeof(int64_t) * 17] = '8';
		assert_false(account_read(text, &read));
		assert_int_equal(read.position, 0);
	}
	assert_false(account_read("", &read));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(no_limits, start),
		cmocka_unit_test_setup(sessions_add_up, start),
		cmocka_unit_test_setup(forward_in_any_hour, start),
		cmocka_unit_test_setup(rule, start),
		cmocka_unit_test_setup(nothing_in_all, start),
		cmocka_unit_test_setup(pauses_twice_a_day, start),
		cmocka_unit_test_setup(way_back, start),
		cmocka_unit_test_setup(beyond, start),
		cmocka_unit_test_setup(slews, start),
		cmocka_unit_test_setup(slews_that_last, start),
		cmocka_unit_test_setup(slews_within_a_second, start),
		cmocka_unit_test_setup(rates, start),
		cmocka_unit_test_setup(ordered_rates, start),
		cmocka_unit_test_setup(sets, start),
		cmocka_unit_test_setup(raw_clock_goes_back, start),
		cmocka_unit_test_setup(text_form, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
