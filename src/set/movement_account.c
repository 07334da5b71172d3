/* The account of the clock's movements: see movement_account.h. */
#include "set/movement_account.h"

#include <string.h>

#define NUMBERS (sizeof(struct account) / sizeof(int64_t))
#define DIGITS 16
#define HOUR_SLOT (ACCOUNT_HOUR / (ACCOUNT_SLOTS - 1))
/* The slots of the hour in one of the day. */
#define DAY_SLOTS 24
/* After this many slots of the hour, nothing from before is remembered. */
#define SLOTS_MOST (ACCOUNT_SLOTS + ACCOUNT_SLOTS * DAY_SLOTS)

/* The kernel keeps a frequency in steps of 0.015 parts per 10^9: the rate read differs from that set by at most 1. */
#define RATE_ROUNDING 1

_Static_assert(sizeof(struct account) == NUMBERS * sizeof(int64_t), "the numbers of an account are an array");

/* The position now: without what is left of a slew. */
static nanoseconds
present(const struct account *account)
{
	return ns_subtract(account->position, account->slew);
}

/* POSITION as far as it counts: without what a return came beyond the positions of the day. */
static nanoseconds
counted(const struct account *account, nanoseconds position)
{
	nanoseconds end = ns_subtract(account->position, account->beyond);

	return account->beyond > 0 ? ns_least(position, end) : account->beyond < 0 ? ns_most(position, end) : position;
}

static void
widen(struct account_span *span, int64_t slot, nanoseconds low, nanoseconds high)
{
	span->low[slot] = ns_least(span->low[slot], low);
	span->high[slot] = ns_most(span->high[slot], high);
}

/* How far the rate that a request ordered moves the clock in the time ELAPSED. */
static nanoseconds
moved_by_rate(const struct account *account, nanoseconds elapsed)
{
	int64_t rate = account_rate_is_ordered(account) ? ns_subtract(account->rate_ordered, account->rate_before) : 0;

	return ns_add(ns_multiply(rate, elapsed / NS_PER_SECOND),
	    ns_multiply(rate, elapsed % NS_PER_SECOND / 1000) / (NS_PER_SECOND / 1000));
}

/*
 * Where the clock was from the time FROM to UNTIL after account->raw: moved by its rate, and by its slew, of which SLEW
 * is left at the end.
 */
static void
pass(struct account *account, int64_t slot, nanoseconds from, nanoseconds until, nanoseconds slew)
{
	nanoseconds now = counted(account, present(account));
	nanoseconds end = counted(account, ns_subtract(account->position, slew));
	nanoseconds first = moved_by_rate(account, from), last = moved_by_rate(account, until);

	widen(&account->hour, slot, ns_add(ns_least(now, end), ns_least(first, last)),
	    ns_add(ns_most(now, end), ns_most(first, last)));
}

/* Moves the hour on to the time RAW, when SLEW is left of the slew, and what leaves the hour into the day. */
static void
roll(struct account *account, nanoseconds raw, nanoseconds slew)
{
	int64_t slot = account->raw / HOUR_SLOT, final = raw / HOUR_SLOT;

	pass(account, slot % ACCOUNT_SLOTS, 0, ns_least(raw, ns_multiply(HOUR_SLOT, slot + 1)) - account->raw, slew);
	for (slot = ns_most(slot, final - SLOTS_MOST) + 1; slot <= final; slot++) {
		int64_t of_hour = slot % ACCOUNT_SLOTS, of_day = slot / DAY_SLOTS % ACCOUNT_SLOTS;
		nanoseconds low = account->hour.low[of_hour], high = account->hour.high[of_hour];

		if (slot % DAY_SLOTS == 0) {
			account->day.low[of_day] = low;
			account->day.high[of_day] = high;
		}
		widen(&account->day, of_day, low, high);
		account->hour.low[of_hour] = INT64_MAX;
		account->hour.high[of_hour] = INT64_MIN;
		pass(account, of_hour, slot * HOUR_SLOT - account->raw,
		    ns_least(raw, ns_multiply(HOUR_SLOT, slot + 1)) - account->raw, slew);
	}
}

static struct interval
positions(const struct account_span *span)
{
	struct interval all = { span->low[0], span->high[0] };

	for (int at = 1; at < ACCOUNT_SLOTS; at++) {
		all.low = ns_least(all.low, span->low[at]);
		all.high = ns_most(all.high, span->high[at]);
	}
	return all;
}

/* All positions that are remembered. */
static struct interval
reached(const struct account *account)
{
	struct interval hour = positions(&account->hour), day = positions(&account->day);

	return (struct interval){ ns_least(hour.low, day.low), ns_most(hour.high, day.high) };
}

/*
 * How far beyond an end of the range a return may go.  DISTANCE: from where the clock is to that end.  If the clock is
 * beyond it, it may stay there.
 */
static nanoseconds
near(nanoseconds distance)
{
	return distance < 0 ? ns_magnitude(distance) : ns_least(distance / 10, ACCOUNT_NEAR);
}

/* What is left of the counted slew, after the time ELAPSED, when the kernel has SLEW_LEFT. */
static nanoseconds
unfinished(nanoseconds slew, nanoseconds slew_left, nanoseconds elapsed)
{
	/* Another program's has replaced it. */
	if (slew_left != 0 && (slew_left < 0) != (slew < 0))
		return 0;
	if (slew < 0)
		return ns_most(slew, slew_left);
	/* Complete beyond doubt, even if raw seconds are a tenth shorter. */
	if (slew_left == 0 && elapsed / 2500 >= ns_add(slew, 2 * ACCOUNT_SLEW_SECOND))
		return 0;
	return ns_least(slew, ns_add(slew_left, ACCOUNT_SLEW_SECOND));
}

void
account_advance(struct account *account, nanoseconds raw, nanoseconds slew_left, int64_t rate)
{
	nanoseconds slew;

	/* The number of a slot must not be negative. */
	raw = ns_most(raw, 0);
	if (raw < account->raw)
		*account = (struct account){ .raw = 0 };
	account->rate = rate;
	slew = unfinished(account->slew, slew_left, raw - account->raw);
	roll(account, raw, slew);
	account->position = ns_add(account->position, moved_by_rate(account, raw - account->raw));
	account->slew = slew;
	account->raw = raw;
}

/* The highest and lowest position that the limits allow without a return. */
static struct interval
limits(const struct account *account, nanoseconds max_step, nanoseconds max_back)
{
	struct interval day = positions(&account->day);

	return (struct interval){ ns_subtract(day.low, ns_least(max_back, max_step)), ns_add(day.high, max_step) };
}

struct interval
account_room(const struct account *account, nanoseconds max_step, nanoseconds max_back)
{
	struct interval limit = limits(account, max_step, max_back), all = reached(account), room = { INT64_MIN, INT64_MAX };
	nanoseconds now = present(account);

	all.low = ns_subtract(all.low, near(ns_subtract(now, all.low)));
	all.high = ns_add(all.high, near(ns_subtract(all.high, now)));
	/* Staying is always allowed, whatever numbers a damaged file has. */
	if (max_step != INT64_MAX)
		room.high = ns_most(0, ns_subtract(ns_most(all.high, limit.high), now));
	if (ns_least(max_back, max_step) != INT64_MAX)
		room.low = ns_least(0, ns_subtract(ns_least(all.low, limit.low), now));
	return room;
}

void
account_count_set(struct account *account)
{
	account->sets = ns_most(ns_add(account->sets, 1), account->raw);
}

void
account_move(struct account *account, nanoseconds max_step, nanoseconds max_back, nanoseconds correction, bool slew)
{
	struct interval limit = limits(account, max_step, max_back), all = reached(account);
	nanoseconds now = present(account), position = ns_add(now, correction);

	account->position = position;
	account->slew = slew ? correction : 0;
	/* A return that comes a little beyond the range must not make it larger: the next would come beyond that. */
	account->beyond = ns_add(ns_least(0, ns_subtract(position, ns_least(all.low, limit.low))),
	    ns_most(0, ns_subtract(position, ns_most(all.high, limit.high))));
	/* A slew is on its way there: pass() counts how far it has come. */
	position = counted(account, slew ? now : position);
	widen(&account->hour, account->raw / HOUR_SLOT % ACCOUNT_SLOTS, position, position);
}

void
account_order_rate(struct account *account, int64_t ppb)
{
	if (!account_rate_is_ordered(account))
		account->rate_before = account->rate;
	account->rate_ordered = account->rate = ppb;
}

bool
account_rate_is(const struct account *account, int64_t ppb)
{
	return ns_magnitude(ns_subtract(account->rate, ppb)) <= RATE_ROUNDING;
}

bool
account_rate_is_ordered(const struct account *account)
{
	return account->rate_ordered != account->rate_before && account_rate_is(account, account->rate_ordered);
}

void
account_write(const struct account *account, char text[ACCOUNT_TEXT])
{
	uint64_t numbers[NUMBERS];

	memcpy(numbers, account, sizeof numbers);
	for (size_t at = 0; at < NUMBERS; at++) {
		for (int digit = 0; digit < DIGITS; digit++)
			*text++ = "0123456789abcdef"[numbers[at] >> 4 * (DIGITS - 1 - digit) & 15];
		*text++ = at < NUMBERS - 1 ? ' ' : '\n';
	}
	*text = '\0';
}

static bool
read_number(const char *text, uint64_t *number)
{
	*number = 0;
	for (int digit = 0; digit < DIGITS; digit++) {
		if ((text[digit] < '0' || text[digit] > '9') && (text[digit] < 'a' || text[digit] > 'f'))
			return false;
		*number = *number << 4 | (uint64_t)(text[digit] <= '9' ? text[digit] - '0' : text[digit] - 'a' + 10);
	}
	return true;
}

bool
account_read(const char *text, struct account *account)
{
	uint64_t numbers[NUMBERS] = { 0 };

	*account = (struct account){ .raw = 0 };
	for (size_t at = 0; at < NUMBERS; at++, text += DIGITS + 1)
		if (!read_number(text, &numbers[at]) || text[DIGITS] != (at < NUMBERS - 1 ? ' ' : '\n'))
			return false;
	memcpy(account, numbers, sizeof *account);
	if (account->raw >= 0 && account->sets >= 0)
		return true;
	/* Refuse a negative time, which would give a negative slot, and a negative number of a set. */
	*account = (struct account){ .raw = 0 };
	return false;
}
