/*
 * account: arbitrary movements at arbitrary times, compared with a list of all positions that the clock had.
 *
 * The first octets are the limits.  Then each 9 octets are an event: what happens, how much time has passed, and a number.
 * The list has real positions (of the clock) and targets (of a slew that may be replaced).  What the account remembers
 * may be coarser by a sixth of an hour or day, so each rule is checked with the shorter span on one side and the longer
 * one on the other.  The whole input is also read as text.
 */
#include "fuzz.h"

#include "set/account.h"

#define EVENTS_MOST 400
#define LONG_HOUR (ACCOUNT_HOUR / 6 * 7)
#define LONG_DAY (ACCOUNT_DAY / 6 * 7)

struct input {
	const uint8_t *at;
	size_t left;
};

/* From the time FROM to the time UNTIL the clock was between LOW and HIGH, on its way to TARGET. */
struct held {
	nanoseconds until, low, high, target;
};

static struct held held[2 * EVENTS_MOST + 1];
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
hold(nanoseconds until, nanoseconds from, nanoseconds to, nanoseconds target)
{
	held[count++] = (struct held){ until, from < to ? from : to, from > to ? from : to, target };
}

/* The positions, with the TARGETS or without, that were held less than SPAN ago. */
static struct interval
positions(nanoseconds now, nanoseconds span, bool targets)
{
	struct interval all = { held[count - 1].low, held[count - 1].high };

	for (size_t at = 0; at < count; at++) {
		if (now - held[at].until > span)
			continue;
		if (held[at].low < all.low)
			all.low = held[at].low;
		if (held[at].high > all.high)
			all.high = held[at].high;
		if (targets && held[at].target < all.low)
			all.low = held[at].target;
		if (targets && held[at].target > all.high)
			all.high = held[at].target;
	}
	return all;
}

static bool
between(nanoseconds value, nanoseconds low, nanoseconds high)
{
	return value >= low && value <= high;
}

/* TO is where a correction would take the clock from CLOCK.  BY_RATE is what a rate adds to the limits. */
static void
check(nanoseconds now, nanoseconds clock, nanoseconds to, bool allowed, nanoseconds max_step,
    nanoseconds max_back, const nanoseconds by_rate[2])
{
	struct interval hour = positions(now, ACCOUNT_HOUR, false), long_hour = positions(now, LONG_HOUR, true);
	struct interval day = positions(now, ACCOUNT_DAY, false), long_day = positions(now, LONG_DAY, true);
	nanoseconds back = (max_back < max_step ? max_back : max_step) + by_rate[0], forward = max_step + by_rate[1];

	if (allowed)
		REQUIRE(to == clock || between(to, hour.high - back, hour.low + forward) ||
		    between(to, long_day.low - ACCOUNT_NEAR, long_day.high + ACCOUNT_NEAR));
	else
		REQUIRE(!between(to, long_hour.high - back, long_hour.low + forward) &&
		    !between(to, day.low + ACCOUNT_NEAR, day.high - ACCOUNT_NEAR));
}

static void
run(struct input *input)
{
	struct account account = { .raw = 0 };
	nanoseconds max_step = take(input, 5), max_back = take(input, 5), now = 0, clock = 0, left = 0;
	int64_t rate = 0, max_rate = take(input, 4);

	count = 0;
	hold(0, 0, 0, 0);
	for (int event = 0; event < EVENTS_MOST && input->left > 0; event++) {
		int64_t what = take(input, 1), passed = take(input, 2) << (what & 31);
		nanoseconds movement = take_movement(input), moved = (what & 32) != 0 ? left : movement % (ns_magnitude(left) + 1);
		nanoseconds by_rate[2] = { 0, 0 }, counted;
		struct interval room;
		char text[ACCOUNT_TEXT];
		bool allowed;

		/* The clock slews, by part of what is left or by all of it. */
		now += passed;
		if ((moved < 0) != (left < 0))
			moved = -moved;
		hold(now, clock, clock + moved, clock + left);
		clock += moved;
		left -= moved;
		if ((what & 64) != 0)
			rate = movement % 200000000;
		account_advance(&account, now, left, rate);
		REQUIRE(account.position - account.slew == clock && account.slew == left);
		counted = (ns_magnitude(rate) < max_rate ? ns_magnitude(rate) : max_rate) * 3600;
		by_rate[rate < 0] = counted;
		room = account_room(&account, max_step, max_back, max_rate);
		REQUIRE(room.low <= 0 && room.high >= 0);
		allowed = between(movement, room.low, room.high);
		check(now, clock, clock + movement, allowed, max_step, max_back, by_rate);
		if (allowed && (what & 128) == 0) {
			bool slew = (what & 32) != 0;

			account_move(&account, movement, slew);
			left = slew ? movement : 0;
			clock += movement - left;
			hold(now, clock, clock, clock + left);
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
		account_room(&account, account.position, account.slew, ns_magnitude(account.rate));
		account_move(&account, account.day.low[0], true);
		account_order_rate(&account, account.rate_before);
	}
	free(text);
	run(&input);
	return 0;
}
