/*
 * movement_account: arbitrary movements at arbitrary times, compared with a list of all positions that the clock had.
 *
 * The first octets are the limits.  Then each 10 octets are an event: what happens, how much time has passed, and a number.
 * The rule: a correction goes to a position of the last day, or by the limits beyond the positions of the day before the
 * last hour.  What the account remembers may be coarser by a sixth of an hour or day, so each rule is checked with the
 * shorter span on one side and the longer one on the other.  The whole input is also read as text.
 */
#include "fuzz.h"

#include "set/movement_account.h"

#define EVENTS_MOST 400
#define LONG_HOUR (ACCOUNT_HOUR / 6 * 7)
#define LONG_DAY (LONG_HOUR + ACCOUNT_DAY / 6 * 7)

struct input {
	const uint8_t *at;
	size_t left;
};

/* From the time SINCE to UNTIL the clock was between LOW and HIGH, on its way to TARGET; in the end it was at LAST. */
struct held {
	nanoseconds since, until, low, high, target, last;
};

static struct held held[5 * EVENTS_MOST + 1];
static size_t count;

static int64_t
take(struct input *input, size_t octets)
{
	uint64_t value = 0;

	for (; octets > 0; octets--) {
		value = value << 8 | (input->left > 0 ? *input->at : 0);
		input->at += input->left > 0;
		input->left -= input->left > 0;
	}
	return (int64_t)value;
}

/* Numbers of all sizes up to some 300 s, and their sign. */
static nanoseconds
take_movement(struct input *input)
{
	int64_t size = take(input, 1), value = take(input, 5) >> (size & 31);

	return (size & 128) != 0 ? -value : value;
}

static void
hold(nanoseconds since, nanoseconds until, nanoseconds from, nanoseconds to, nanoseconds target)
{
	held[count++] = (struct held){ since, until, from < to ? from : to, from > to ? from : to, target, to };
}

static void
widen(struct interval *all, nanoseconds position)
{
	all->low = position < all->low ? position : all->low;
	all->high = position > all->high ? position : all->high;
}

/* All positions and targets that the clock may have had from FIRST to LAST. */
static struct interval
may_have_had(nanoseconds first, nanoseconds last)
{
	struct interval all = { INT64_MAX, INT64_MIN };

	for (size_t at = 0; at < count; at++)
		if (held[at].since <= last && held[at].until >= first) {
			widen(&all, held[at].low);
			widen(&all, held[at].high);
			widen(&all, held[at].target);
		}
	return all;
}

/* Positions that it had in this time beyond doubt; no interval if there are none. */
static struct interval
surely_had(nanoseconds first, nanoseconds last)
{
	struct interval all = { INT64_MAX, INT64_MIN };

	for (size_t at = 0; at < count; at++)
		if (held[at].until >= first && held[at].until <= last)
			widen(&all, held[at].last);
	return all;
}

static bool
between(nanoseconds value, nanoseconds low, nanoseconds high)
{
	return value >= low && value <= high;
}

/* TO is where a correction would take the clock from CLOCK. */
static void
check(nanoseconds now, nanoseconds clock, nanoseconds to, bool allowed, nanoseconds max_step, nanoseconds max_back)
{
	struct interval long_day = may_have_had(now - LONG_DAY, now);
	struct interval long_before = may_have_had(now - LONG_DAY, now - ACCOUNT_HOUR);
	struct interval day = surely_had(now - ACCOUNT_DAY, now), before = surely_had(now - ACCOUNT_DAY, now - LONG_HOUR);
	nanoseconds back = max_back < max_step ? max_back : max_step;

	if (allowed)
		REQUIRE(to == clock || between(to, long_before.low - back, long_before.high + max_step) ||
		    between(to, long_day.low - ACCOUNT_NEAR, long_day.high + ACCOUNT_NEAR));
	else {
		REQUIRE(day.low > day.high || !between(to, day.low + ACCOUNT_NEAR, day.high - ACCOUNT_NEAR));
		REQUIRE(before.low > before.high ||
		    !between(to, before.low - back + ACCOUNT_NEAR, before.high + max_step - ACCOUNT_NEAR));
	}
}

static void
run(struct input *input)
{
	struct account account = { .raw = 0 };
	nanoseconds max_step = take(input, 5), max_back = take(input, 5), now = 0, left = 0;
	int64_t rate = 0, ordered = 0;

	count = 0;
	hold(-LONG_DAY, 0, 0, 0, 0);
	for (int event = 0; event < EVENTS_MOST && input->left > 0; event++) {
		int64_t what = take(input, 1), passed = take(input, 2) << (what & 31);
		int64_t taken = take(input, 1) * ACCOUNT_SLEW_SECOND / 255;
		nanoseconds movement = take_movement(input), before = account.position - account.slew, clock;
		nanoseconds moved = (what & 32) != 0 ? left : movement % (ns_magnitude(left) + 1), shown;
		nanoseconds by_rate = ordered * (passed / NS_PER_SECOND) + ordered * (passed % NS_PER_SECOND / 1000) / 1000000;
		struct interval room;
		char text[ACCOUNT_TEXT];
		bool allowed;

		/* The clock slews, by part of what is left or by all of it.  The kernel has taken a second's part already. */
		now += passed;
		left -= (moved < 0) != (left < 0) ? -moved : moved;
		shown = ns_magnitude(left) <= taken ? 0 : left < 0 ? left + taken : left - taken;
		/* A slew of which nothing is shown is complete after some time. */
		if (shown == 0 && passed / 2500 >= ns_magnitude(account.slew) + 2 * ACCOUNT_SLEW_SECOND)
			left = 0;
		account_advance(&account, now, shown, rate);
		clock = account.position - account.slew;
		/* The clock is where the account says, or a second's slew further on. */
		REQUIRE(between(account.slew - left, 0, ACCOUNT_SLEW_SECOND));
		/* It may have slewed before its rate moved it, or after; and what a return came beyond the range does not count. */
		for (int counted = 0; counted < 2; counted++) {
			nanoseconds beyond = counted * account.beyond;

			hold(now - passed, now, before - beyond, clock, account.position - beyond);
			hold(now - passed, now, before + by_rate - beyond, clock, account.position - by_rate - beyond);
		}
		room = account_room(&account, max_step, max_back);
		REQUIRE(room.low <= 0 && room.high >= 0);
		allowed = between(movement, room.low, room.high);
		check(now, clock, clock + movement, allowed, max_step, max_back);
		if ((what & 64) != 0) {
			rate = movement % 200000000;
			if ((what & 128) != 0)
				account_order_rate(&account, rate);
			else
				account.rate = rate;
			ordered = account_rate_is_ordered(&account) ? account.rate_ordered - account.rate_before : 0;
		} else if (allowed && (what & 128) == 0) {
			bool slew = (what & 32) != 0;

			movement -= slew ? movement % NS_PER_MICROSECOND : 0;
			account_move(&account, max_step, max_back, movement, slew);
			left = slew ? movement : 0;
			clock = account.position - account.slew;
			hold(now, now, clock, clock, account.position);
		}
		account_write(&account, text);
		REQUIRE(account_read(text, &account));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	char *text = fuzz_text(data, size), again[ACCOUNT_TEXT];
	struct account account;

	if (account_read(text, &account)) {
		account_write(&account, again);
		REQUIRE(strncmp(text, again, ACCOUNT_TEXT - 1) == 0);
		/* Numbers from a file may be any. */
		account_advance(&account, account.raw ^ 0x7fffff, account.slew, account.rate);
		account_room(&account, account.position, account.slew);
		account_move(&account, account.position, account.slew, account.day.low[0], true);
		account_order_rate(&account, account.rate_before);
		account_count_set(&account);
		REQUIRE(account.sets > 0);
	}
	free(text);
	run(&input);
	return 0;
}
