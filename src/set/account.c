/* The account of the clock's movements: see account.h. */
#include "set/account.h"

#include <string.h>

#define NUMBERS (sizeof(struct account) / sizeof(int64_t))
#define DIGITS 16
#define HOUR_SLOT (ACCOUNT_HOUR / (ACCOUNT_SLOTS - 1))
#define DAY_SLOT (ACCOUNT_DAY / (ACCOUNT_SLOTS - 1))

/* The kernel keeps a frequency in steps of 0.015 parts per 10^9: the rate read differs from that set by at most 1. */
#define RATE_ROUNDING 1

_Static_assert(sizeof(struct account) == NUMBERS * sizeof(int64_t), "the numbers of an account are an array");

static nanoseconds
least(nanoseconds a, nanoseconds b)
{
	return a < b ? a : b;
}

static nanoseconds
most(nanoseconds a, nanoseconds b)
{
	return a > b ? a : b;
}

/* The position now: without what is left of a slew. */
static nanoseconds
present(const struct account *account)
{
	return ns_subtract(account->position, account->slew);
}

/* Fills the slots since account->raw: since then, the clock went at most from present() to the end of its slew. */
static void
roll(struct account_span *span, nanoseconds length, const struct account *account, nanoseconds raw)
{
	int64_t from = account->raw / length, slots = raw / length - from;
	nanoseconds now = present(account);

	for (int64_t at = 1; at <= slots && at <= ACCOUNT_SLOTS; at++) {
		/* After more than ACCOUNT_SLOTS lengths, each slot is filled once: in which order does not matter. */
		int64_t slot = (from + at) % ACCOUNT_SLOTS;

		span->low[slot] = least(now, account->position);
		span->high[slot] = most(now, account->position);
	}
}

static void
widen(struct account_span *span, int64_t slot, nanoseconds position)
{
	slot %= ACCOUNT_SLOTS;
	span->low[slot] = least(span->low[slot], position);
	span->high[slot] = most(span->high[slot], position);
}

/* How far beyond an end of the range a return may go.  DISTANCE: from where the clock is to that end. */
static nanoseconds
near(nanoseconds distance)
{
	return most(0, least(distance / 10, ACCOUNT_NEAR));
}

static struct interval
positions(const struct account_span *span)
{
	struct interval all = { span->low[0], span->high[0] };

	for (int at = 1; at < ACCOUNT_SLOTS; at++) {
		all.low = least(all.low, span->low[at]);
		all.high = most(all.high, span->high[at]);
	}
	return all;
}

void
account_advance(struct account *account, nanoseconds raw, nanoseconds slew_left, int64_t rate)
{
	/* The number of a slot must not be negative. */
	raw = most(raw, 0);
	if (raw < account->raw)
		*account = (struct account){ .raw = 0 };
	roll(&account->hour, HOUR_SLOT, account, raw);
	roll(&account->day, DAY_SLOT, account, raw);
	account->raw = raw;
	account->rate = rate;
	/* A slew is complete, or another program's has replaced it. */
	if (slew_left == 0 || (slew_left < 0) != (account->slew < 0))
		account->slew = 0;
	else
		account->slew = account->slew < 0 ? most(account->slew, slew_left) : least(account->slew, slew_left);
}

struct interval
account_room(const struct account *account, nanoseconds max_step, nanoseconds max_back, int64_t max_rate)
{
	struct interval hour = positions(&account->hour), day = positions(&account->day), room = { INT64_MIN, INT64_MAX };
	nanoseconds by_rate = ns_multiply(least(ns_magnitude(account->rate), max_rate), ACCOUNT_HOUR / NS_PER_SECOND);
	nanoseconds now = present(account);

	max_back = least(max_back, max_step);
	day.high = ns_add(day.high, near(ns_subtract(day.high, now)));
	day.low = ns_subtract(day.low, near(ns_subtract(now, day.low)));
	hour.high = ns_subtract(hour.high, ns_add(max_back, account->rate > 0 ? by_rate : 0));
	hour.low = ns_add(hour.low, ns_add(max_step, account->rate < 0 ? by_rate : 0));
	/* Staying is always allowed: after a return a little beyond the range, or a rate that has ended, it could be outside. */
	if (max_step != INT64_MAX)
		room.high = most(0, ns_subtract(most(day.high, hour.low), now));
	if (max_back != INT64_MAX)
		room.low = least(0, ns_subtract(least(day.low, hour.high), now));
	return room;
}

void
account_move(struct account *account, nanoseconds correction, bool slew)
{
	struct interval day = positions(&account->day);
	nanoseconds position = ns_add(present(account), correction);

	account->position = position;
	account->slew = slew ? correction : 0;
	widen(&account->hour, account->raw / HOUR_SLOT, position);
	/* A return that comes a little beyond the range must not make it larger: the next would come beyond that. */
	if (position < day.low && position >= ns_subtract(day.low, ACCOUNT_NEAR))
		position = day.low;
	if (position > day.high && position <= ns_add(day.high, ACCOUNT_NEAR))
		position = day.high;
	widen(&account->day, account->raw / DAY_SLOT, position);
}

void
account_order_rate(struct account *account, int64_t ppb)
{
	if (!account_rate_is_ordered(account))
		account->rate_before = account->rate;
	account->rate_ordered = account->rate = ppb;
}

bool
account_rate_is_ordered(const struct account *account)
{
	return account->rate_ordered != account->rate_before &&
	    ns_magnitude(ns_subtract(account->rate, account->rate_ordered)) <= RATE_ROUNDING;
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
	/* The first number is raw, which is never negative. */
	if (numbers[0] > INT64_MAX)
		return false;
	memcpy(account, numbers, sizeof *account);
	return true;
}
