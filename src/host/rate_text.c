/* The estimator's state as text: see rate_text.h. */
#include "host/rate_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_TEXT 21		/* a space, a sign and 19 digits */
#define COUNT_MOST (INT64_C(1) << 40)
#define NUMBERS(size) ((size) / sizeof(int64_t))
_Static_assert(RATE_TEXT > NUMBER_TEXT * NUMBERS(sizeof(struct rate)), "a state of the largest numbers has room");
_Static_assert(sizeof(struct rate_chain) == (1 + 2 * RATE_CORNERS) * sizeof(int64_t), "a chain consists of numbers");
_Static_assert(sizeof(struct rate_kept) == 3 * sizeof(int64_t), "a look consists of numbers");

/* Writes NAME, the COUNT numbers at FROM and LF.  Returns the length. */
static size_t
put_numbers(char *into, size_t size, const char *name, const void *from, size_t count)
{
	size_t used = (size_t)snprintf(into, size, "%s", name);

	for (size_t at = 0; at < count; at++) {
		int64_t number;

		memcpy(&number, (const char *)from + at * sizeof number, sizeof number);
		used += (size_t)snprintf(into + used, size - used, " %" PRId64, number);
	}
	return used + (size_t)snprintf(into + used, size - used, "\n");
}

size_t
rate_format(const struct rate *rate, char text[RATE_TEXT])
{
	size_t used;

	text[0] = '\0';
	if (rate->n.looks == 0)
		return 0;
	used = (size_t)snprintf(text, RATE_TEXT, "rate-boots %s %s\n", rate->host_boot, rate->guest_boot);
#define PUT(...) used += put_numbers(text + used, RATE_TEXT - used, __VA_ARGS__)
	PUT("rate", &rate->n, NUMBERS(sizeof rate->n));
	PUT("rate-looks", rate->kept, (size_t)rate->n.kept * NUMBERS(sizeof *rate->kept));
	PUT("rate-upper", rate->chains[0].corners, (size_t)rate->chains[0].count * 2);
	PUT("rate-lower", rate->chains[1].corners, (size_t)rate->chains[1].count * 2);
#undef PUT
	return used;
}

struct cursor {
	const char *at, *end;
};

/* Whether the text continues with WORD, which is then behind the cursor. */
static bool
take(struct cursor *cursor, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

/* A boot id: any printable octets but a space, behind a space. */
static bool
take_boot(struct cursor *cursor, char boot[EXCHANGE_BOOT])
{
	size_t length = 0;

	if (!take(cursor, " "))
		return false;
	while (cursor->at < cursor->end && *cursor->at > ' ' && *cursor->at <= '~' && length < EXCHANGE_BOOT - 1)
		boot[length++] = *cursor->at++;
	return length > 0;
}

static bool
take_number(struct cursor *cursor, int64_t *number)
{
	bool negative, any = false;

	if (!take(cursor, " "))
		return false;
	negative = take(cursor, "-");
	for (*number = 0; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; any = true) {
		int digit = *cursor->at++ - '0';

		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, negative ? -digit : digit, number))
			return false;
	}
	return any;
}

/* Parses NAME and then numbers into INTO, LEAST to MOST of them, up to LF.  Returns how many, or -1. */
static int
take_numbers(struct cursor *cursor, const char *name, void *into, int least, int most)
{
	int count = 0;

	if (!take(cursor, name))
		return -1;
	while (!take(cursor, "\n")) {
		int64_t number;

		if (count == most || !take_number(cursor, &number))
			return -1;
		memcpy((char *)into + (size_t)count++ * sizeof number, &number, sizeof number);
	}
	return count < least ? -1 : count;
}

static bool
within(int64_t low, int64_t number, int64_t high)
{
	return number >= low && number <= high;
}

static bool
rates_valid(int64_t low, int64_t high)
{
	return low <= high && low >= -RATE_LIMIT && high <= RATE_LIMIT;
}

/* Whether the numbers are in the ranges on which the estimator's arithmetic relies. */
static bool
valid(const struct rate *rate)
{
	const struct rate_numbers *n = &rate->n;
	bool good = within(1, n->looks, COUNT_MOST) && within(1, n->segment_looks, n->looks) &&
	    within(0, n->scored, RATE_SCORED_MOST) &&
	    within(0, n->time, RATE_RAW_MOST) && within(0, n->guest_raw, RATE_RAW_MOST) &&
	    n->x == n->guest_raw - n->time && within(1, n->bound, 2 * RATE_BOUND_MOST) &&
	    within(0, n->interval, RATE_INTERVAL_MOST) && (n->interval > 0 || (n->scored == 0 && n->segment_looks == 1)) &&
	    within(1, n->usual_bound, 2 * RATE_BOUND_MOST) &&
	    within(0, n->has_order, 1) && within(-2 * RATE_MOST_PPB, n->ordered_ppb, 2 * RATE_MOST_PPB) &&
	    within(0, n->foreign, COUNT_MOST) &&
	    within(0, n->since, RATE_RAW_MOST) && within(0, n->wrong, RATE_RAW_MOST) &&
	    rates_valid(n->low, n->high) && rates_valid(n->prior_low, n->prior_high) &&
	    (rates_valid(n->suspect_low, n->suspect_high) || (n->suspect_low == 1 && n->suspect_high == 0)) &&
	    within(-RATE_ONE, n->suspect_change, RATE_ONE) &&
	    within(0, n->host_time, n->time) && within(0, n->host_spans, RATE_HOST_SPANS) &&
	    rate->kept[n->kept - 1].time == n->time;

	for (int at = 0; at < RATE_HOST_SPANS; at++)
		good = good && rates_valid(n->host_rates[at], n->host_rates[at]);
	for (int at = 0; at < RATE_GUESSES; at++)
		good = good && within(-RATE_ONE, n->guesses[at].x, RATE_ONE) &&
		    within(0, n->guesses[at].score, RATE_SCORE_MOST) && rates_valid(n->guesses[at].rate, n->guesses[at].rate);
	for (int64_t at = 0; at < n->kept; at++)
		good = good && within(at == 0 ? 0 : rate->kept[at - 1].time + 1, rate->kept[at].time, RATE_RAW_MOST) &&
		    within(-RATE_RAW_MOST, rate->kept[at].x, RATE_RAW_MOST) &&
		    within(1, rate->kept[at].bound, 2 * RATE_BOUND_MOST);
	for (int chain = 0; chain < 2; chain++) {
		const struct rate_chain *corners = &rate->chains[chain];

		good = good && corners->corners[corners->count - 1].time == n->time;
		for (int64_t at = 0; at < corners->count; at++)
			good = good &&
			    within(at == 0 ? 0 : corners->corners[at - 1].time + 1, corners->corners[at].time, RATE_RAW_MOST) &&
			    within(1 - RATE_ONE, corners->corners[at].value, RATE_ONE - 1);
	}
	return good;
}

bool
rate_parse(const char *text, size_t length, struct rate *rate)
{
	struct cursor cursor = { text, text + length };
	int numbers = (int)NUMBERS(sizeof rate->n), kept = 0, upper = 0, lower = 0;

	memset(rate, 0, sizeof *rate);
	if (length == 0)
		return true;
	if (take(&cursor, "rate-boots") && take_boot(&cursor, rate->host_boot) && take_boot(&cursor, rate->guest_boot) &&
	    take(&cursor, "\n") && take_numbers(&cursor, "rate", &rate->n, numbers, numbers) > 0 &&
	    (kept = take_numbers(&cursor, "rate-looks", rate->kept, 3, 3 * RATE_KEPT)) > 0 &&
	    (upper = take_numbers(&cursor, "rate-upper", rate->chains[0].corners, 2, 2 * RATE_CORNERS)) > 0 &&
	    (lower = take_numbers(&cursor, "rate-lower", rate->chains[1].corners, 2, 2 * RATE_CORNERS)) > 0 &&
	    kept % 3 == 0 && kept / 3 == rate->n.kept && upper % 2 == 0 && lower % 2 == 0 && cursor.at == cursor.end) {
		rate->chains[0].count = upper / 2;
		rate->chains[1].count = lower / 2;
		if (valid(rate))
			return true;
	}
	memset(rate, 0, sizeof *rate);
	return false;
}
