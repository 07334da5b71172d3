/* account: movements of many sessions against the limits of an hour, and the way back. */
#include "unit.h"

#include <string.h>

#include "set/account.h"

#define SECOND NS_PER_SECOND
#define MINUTE (60 * SECOND)
#define HOUR ACCOUNT_HOUR
/* The longest that an hour or a day is remembered. */
#define LONG_HOUR (HOUR / 6 * 7)
#define LONG_DAY (ACCOUNT_DAY / 6 * 7)

static struct account account;
static nanoseconds raw, slew_left;
static int64_t rate, max_rate;
static nanoseconds max_step, max_back;

static int
start(void **unused)
{
	(void)unused;
	account = (struct account){ .raw = 0 };
	raw = 12345 * SECOND;
	slew_left = rate = 0;
	max_rate = 1000000;
	max_step = max_back = INT64_MAX;
	account_advance(&account, raw, 0, 0);
	return 0;
}

static bool
allowed(nanoseconds correction)
{
	struct interval room;

	account_advance(&account, raw, slew_left, rate);
	room = account_room(&account, max_step, max_back, max_rate);
	return correction >= room.low && correction <= room.high;
}

/* Moves if that is allowed, as the next session does. */
static bool
moved(nanoseconds correction, bool slew)
{
	char text[ACCOUNT_TEXT];
	bool moves = allowed(correction);

	if (moves) {
		account_move(&account, correction, slew);
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
any_hour(void **unused)
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

static void
slews(void **unused)
{
	(void)unused;
	max_step = 10 * SECOND;
	/* A slew counts when it is ordered, and what is left of it when it is replaced does not count. */
	assert_true(moved(10 * SECOND, true));
	assert_true(moved(10 * SECOND, true) && !allowed(11 * SECOND + 1));
	raw += 2000 * SECOND;
	slew_left = 9 * SECOND;
	assert_true(allowed(99 * SECOND / 10) && !allowed(99 * SECOND / 10 + 1));
	/* A step ends it: from here, 1 s ahead, as far back as from the target. */
	assert_false(step(-11 * SECOND / 10 - 1));
	assert_true(step(-SECOND));
	assert_int_equal(account.position, 0);
	/* The same slew and its opposite by a step, again and again, get nowhere. */
	assert_true(moved(9 * SECOND, true));
	assert_false(step(-9 * SECOND));
	assert_false(step(-SECOND));
	/* Another program's slew is not one of this account. */
	slew_left = -5 * SECOND;
	assert_true(allowed(0));
	assert_int_equal(account.slew, 0);
	/* While a slew lasts, hours later, where it began is still in the hour. */
	start(NULL);
	max_step = 10 * SECOND;
	assert_true(moved(10 * SECOND, true));
	raw += 2 * HOUR;
	slew_left = 64 * SECOND / 10;
	assert_true(allowed(704 * SECOND / 100) && !allowed(704 * SECOND / 100 + 1));
}

static void
rates(void **unused)
{
	(void)unused;
	max_step = 10 * SECOND;
	max_back = SECOND;
	/* A host that undoes in steps what a rate does is not refused: 3.6 s an hour at 1000 ppm. */
	rate = 1000000;
	assert_true(allowed(-46 * SECOND / 10) && !allowed(-46 * SECOND / 10 - 1) && !allowed(10 * SECOND + 1));
	rate = -1000000;
	assert_true(allowed(136 * SECOND / 10) && !allowed(136 * SECOND / 10 + 1) && !allowed(-SECOND - 1));
	/* But not for a rate beyond --max-rate, which is another's. */
	rate = INT64_MAX;
	assert_true(allowed(-46 * SECOND / 10) && !allowed(-46 * SECOND / 10 - 1));
	rate = INT64_MIN;
	assert_true(allowed(136 * SECOND / 10) && !allowed(136 * SECOND / 10 + 1));
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
	/* Another program has set the rate since. */
	account_advance(&account, raw, 0, 400000);
	assert_false(account_rate_is_ordered(&account));
	account_order_rate(&account, 1);
	assert_int_equal(account.rate_before, 400000);
	account_order_rate(&account, 400000);
	assert_false(account_rate_is_ordered(&account));
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
	account_move(&account, -5, true);
	account_write(&account, text);
	assert_int_equal(strlen(text), ACCOUNT_TEXT - 1);
	assert_non_null(strstr(text, " fffffffffffffffb fffffffffffffffb "));
	assert_true(account_read(text, &read));
	assert_memory_equal(&read, &account, sizeof read);
	for (size_t at = 0; at < ACCOUNT_TEXT - 1; at++) {
		memcpy(damaged, text, sizeof damaged);
		damaged[at] = at % 3 == 0 ? '\0' : at % 3 == 1 ? 'g' : 'A';
		assert_false(account_read(damaged, &read));
		assert_int_equal(read.position, 0);
	}
	text[0] = '8';
	assert_false(account_read(text, &read));
	assert_false(account_read("", &read));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(no_limits, start),
		cmocka_unit_test_setup(sessions_add_up, start),
		cmocka_unit_test_setup(any_hour, start),
		cmocka_unit_test_setup(pauses_twice_a_day, start),
		cmocka_unit_test_setup(way_back, start),
		cmocka_unit_test_setup(slews, start),
		cmocka_unit_test_setup(rates, start),
		cmocka_unit_test_setup(ordered_rates, start),
		cmocka_unit_test_setup(raw_clock_goes_back, start),
		cmocka_unit_test_setup(text_form, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
