/* The exchange's lines: see exchange.h. */
#include "lib/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/sysclock.h"
#include "lib/text.h"

static const char *const reasons[REASONS] = {
	[REASON_SYNTAX] = "syntax", [REASON_RANGE] = "range", [REASON_BEFORE_FLOOR] = "before-floor",
	[REASON_AFTER_CEILING] = "after-ceiling", [REASON_TOO_FAR] = "too-far", [REASON_TOO_FAR_BACK] = "too-far-back",
	[REASON_DRY_RUN] = "dry-run", [REASON_NO_CAPABILITY] = "no-capability", [REASON_TOO_MANY] = "too-many", [REASON_BUSY] = "busy",
	[REASON_STALE] = "stale", [REASON_FAILED] = "failed"
};

static const struct verb {
	const char *word;	/* with the blank before a value */
	int places;		/* the value's decimals; 0: the order has no value */
	bool has_sign;		/* and a number may follow the value */
	int64_t max;		/* the largest value, either way, in units of its last decimal */
} verbs[] = {
	[EXCHANGE_NOW] = { "now", 0, false, 0 }, [EXCHANGE_RAW] = { "raw", 0, false, 0 },
	[EXCHANGE_STEP] = { "step ", 9, true, INT64_MAX }, [EXCHANGE_SLEW] = { "slew ", 9, true, INT64_MAX },
	[EXCHANGE_RATE] = { "rate ", 3, true, SYSCLOCK_RATE_MAX }, [EXCHANGE_BOUND] = { "bound ", 9, false, INT64_MAX },
	[EXCHANGE_BYE] = { "bye", 0, false, 0 }
};

static const char *const syncs[] = { [SYNC_NO] = "no", [SYNC_GUESTCLOCK] = "guestclock", [SYNC_OTHER] = "other" };

const char *
exchange_reason_name(enum exchange_reason reason)
{
	return reasons[reason];
}

/* The part of a line that has not been parsed yet. */
struct reader {
	const char *at, *end;
};

static bool
starts(struct reader *reader, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

static bool
finished(const struct reader *reader)
{
	return reader->at == reader->end;
}

/* Appends the reader's next digits to the number *VALUE.  Returns their count.  Sets *OVERFLOW if *VALUE overflows. */
static int
digits(struct reader *reader, uint64_t *value, bool *overflow)
{
	int count = 0;

	for (; !finished(reader) && *reader->at >= '0' && *reader->at <= '9'; reader->at++, count++)
		if (__builtin_mul_overflow(*value, UINT64_C(10), value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*reader->at - '0'), value))
			*overflow = true;
	return count;
}

/*
 * Parses digits, a point, and exactly PLACES more digits.  With HAS_SIGN a sign must precede them; without, none may.
 * *VALUE and MAX are in units of the last place.  Sets *RANGE if the only fault is a magnitude above MAX.
 */
static bool
decimal(struct reader *reader, bool has_sign, int places, int64_t max, int64_t *value, bool *range)
{
	uint64_t magnitude = 0;
	bool negative = false, overflow = false;

	if (has_sign) {
		negative = starts(reader, "-");
		if (!negative && !starts(reader, "+"))
			return false;
	}
	if (digits(reader, &magnitude, &overflow) == 0 || !starts(reader, ".") ||
	    digits(reader, &magnitude, &overflow) != places)
		return false;
	/* INT64_MIN is refused: its negation would overflow. */
	if (overflow || magnitude > (uint64_t)max) {
		*range = true;
		return false;
	}
	*value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return true;
}

/* Parses the number of a set.  Sets *RANGE to whether the only fault is that it is above INT64_MAX. */
static bool
set_number(struct reader *reader, int64_t *value, bool *range)
{
	uint64_t number = 0;
	bool overflow = false, any = digits(reader, &number, &overflow) > 0;

	overflow = overflow || number > INT64_MAX;
	*range = any && overflow;
	*value = (int64_t)number;
	return any && !overflow;
}

bool
exchange_parse_order(const char *line, size_t length, struct exchange_order *order, bool *range)
{
	bool beyond, numbered_beyond = false;

	if (range == NULL)
		range = &beyond;
	*range = false;
	for (size_t at = 0; length < EXCHANGE_LINE && at < sizeof verbs / sizeof verbs[0]; at++) {
		const struct verb *verb = &verbs[at];
		struct reader reader = { line, line + length };
		bool good;

		if (!starts(&reader, verb->word))
			continue;
		*order = (struct exchange_order){ .verb = (enum exchange_verb)at };
		good = verb->places == 0 || decimal(&reader, verb->has_sign, verb->places, verb->max, &order->value, range);
		order->numbered = (good || *range) && verb->has_sign && starts(&reader, " ");
		if (order->numbered && !set_number(&reader, &order->sets, &numbered_beyond)) {
			good = false;
			*range = numbered_beyond;
		}
		*range = *range && finished(&reader);
		return good && finished(&reader);
	}
	return false;
}

static bool
parse_sync(struct reader *reader, enum exchange_sync *sync)
{
	for (int at = SYNC_NO; at <= SYNC_OTHER; at++)
		if (starts(reader, syncs[at])) {
			*sync = (enum exchange_sync)at;
			return true;
		}
	return false;
}

/* Parses as many of the ALLOWED characters as follow and fit INTO, of ROOM octets with the NUL. */
static bool
word(struct reader *reader, const char *allowed, char *into, size_t room)
{
	size_t length = 0;

	while (!finished(reader) && *reader->at != '\0' && strchr(allowed, *reader->at) != NULL && length < room - 1)
		into[length++] = *reader->at++;
	into[length] = '\0';
	return length > 0;
}

/* Parses one to nine digits, without sign or point. */
static bool
whole(struct reader *reader, int64_t *value)
{
	uint64_t number = 0;
	bool overflow = false;
	int count = digits(reader, &number, &overflow);

	*value = (int64_t)number;
	return count > 0 && count <= 9;
}

static bool
field_ends(const struct reader *reader)
{
	return finished(reader) || *reader->at == ' ';
}

/* Parses the fields behind the tick, in any order.  Ignores what it does not know: a later version may append fields. */
static void
parse_fields(struct reader *reader, struct exchange_greeting *greeting)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+~-";

	while (starts(reader, " ")) {
		struct reader flag = *reader;

		if (starts(&flag, "raw") && field_ends(&flag))
			greeting->raw = true;
		if (starts(reader, "program=") && (!word(reader, allowed, greeting->program, sizeof greeting->program) ||
		    !field_ends(reader)))
			greeting->program[0] = '\0';
		while (!field_ends(reader))
			reader->at++;
	}
}

bool
exchange_parse_greeting(const char *line, size_t length, struct exchange_greeting *greeting)
{
	struct reader reader = { line, line + length };
	bool range;

	memset(greeting, 0, sizeof *greeting);
	if (length >= EXCHANGE_LINE || !starts(&reader, "guestclock ") || !whole(&reader, &greeting->version) ||
	    !starts(&reader, " boot=") || !word(&reader, "0123456789abcdefABCDEF-", greeting->boot, EXCHANGE_BOOT) ||
	    !starts(&reader, " sync=") || !parse_sync(&reader, &greeting->sync) ||
	    !starts(&reader, " freq=") || !decimal(&reader, true, 3, INT64_MAX, &greeting->frequency_ppb, &range) ||
	    !starts(&reader, " tick=") || !whole(&reader, &greeting->tick_us) || !field_ends(&reader))
		return false;
	parse_fields(&reader, greeting);
	return true;
}

/* Parses what follows the time in the guest's reply to "raw". */
static bool
parse_raw(struct reader *reader, struct exchange_reply *reply)
{
	bool range;

	reply->numbered = true;
	return starts(reader, " ") && decimal(reader, false, 9, INT64_MAX, &reply->raw, &range) &&
	    starts(reader, " ") && set_number(reader, &reply->sets, &range) &&
	    starts(reader, " ") && decimal(reader, true, 3, INT64_MAX, &reply->frequency_ppb, &range) &&
	    starts(reader, " ") && whole(reader, &reply->tick_us) &&
	    starts(reader, " ") && decimal(reader, true, 9, INT64_MAX, &reply->slew_left, &range) &&
	    starts(reader, " ") && parse_sync(reader, &reply->sync) &&
	    starts(reader, " ") && decimal(reader, false, 9, INT64_MAX, &reply->maxerror, &range) && finished(reader);
}

static const char *const reply_words[] = { [REPLY_NOW] = "now ", [REPLY_DONE] = "done ", [REPLY_RAW] = "raw " };

bool
exchange_parse_reply(const char *line, size_t length, struct exchange_reply *reply)
{
	struct reader reader = { line, line + length };
	bool range;

	memset(reply, 0, sizeof *reply);
	if (length >= EXCHANGE_LINE)
		return false;
	for (int kind = REPLY_NOW; kind < REPLY_NO; kind++) {
		if (!starts(&reader, reply_words[kind]))
			continue;
		reply->kind = (enum exchange_kind)kind;
		if (!decimal(&reader, false, 9, INT64_MAX, &reply->time, &range))
			return false;
		if (kind == REPLY_RAW)
			return parse_raw(&reader, reply);
		reply->numbered = kind == REPLY_DONE && starts(&reader, " ");
		return (!reply->numbered || set_number(&reader, &reply->sets, &range)) && finished(&reader);
	}
	if (!starts(&reader, "no "))
		return false;
	reply->kind = REPLY_NO;
	for (int at = 0; at < REASONS; at++) {
		struct reader reason = reader;

		if (starts(&reason, reasons[at]) && field_ends(&reason)) {
			reply->reason = (enum exchange_reason)at;
			return true;
		}
	}
	return false;
}

size_t
exchange_write_order(const struct exchange_order *order, char *into)
{
	const struct verb *verb = &verbs[order->verb];
	char value[SECONDS_TEXT], number[SECONDS_TEXT] = "";

	(verb->places == 3 ? format_rate : format_seconds)(order->value, value);
	if (order->numbered)
		snprintf(number, sizeof number, " %" PRId64, order->sets);
	return (size_t)snprintf(into, EXCHANGE_LINE + 1, "%s%s%s\n", verb->word,
	    verb->places == 0 ? "" : value + !verb->has_sign, number);
}

size_t
exchange_write_greeting(const struct exchange_greeting *greeting, char *into)
{
	char frequency[SECONDS_TEXT];
	bool has_program = greeting->program[0] != '\0';

	format_rate(greeting->frequency_ppb, frequency);
	return (size_t)snprintf(into, EXCHANGE_LINE + 1, "guestclock %d boot=%.39s sync=%s freq=%s tick=%" PRId64 "%s%.31s%s\n",
	    EXCHANGE_VERSION, greeting->boot[0] != '\0' ? greeting->boot : "-", syncs[greeting->sync], frequency,
	    greeting->tick_us, has_program ? " program=" : "", greeting->program, greeting->raw ? " raw" : "");
}

/*
 * Appends TIME to the USED octets of INTO.  Returns how many are used then.  Does without stdio to be fast: this runs
 * between reading the clock and sending the time that was read.
 */
static size_t
append_time(nanoseconds time, char *into, size_t used)
{
	char digits[24];
	uint64_t left = time < 0 ? 0 : (uint64_t)time;
	size_t count = 0;

	do {
		if (count == 9)
			digits[count++] = '.';
		digits[count++] = (char)('0' + left % 10);
		left /= 10;
	} while (left != 0 || count < 11);
	while (count > 0)
		into[used++] = digits[--count];
	return used;
}

size_t
exchange_write_reply(const struct exchange_reply *reply, char *into)
{
	size_t used = strlen(reply_words[reply->kind]);
	char frequency[SECONDS_TEXT], slew_left[SECONDS_TEXT];

	memcpy(into, reply_words[reply->kind], used);
	used = append_time(reply->time, into, used);
	if (reply->kind == REPLY_RAW) {
		into[used++] = ' ';
		used = append_time(reply->raw, into, used);
	}
	if (reply->numbered)
		used += (size_t)snprintf(into + used, EXCHANGE_LINE - used, " %" PRId64, reply->sets);
	if (reply->kind == REPLY_RAW) {
		format_rate(reply->frequency_ppb, frequency);
		format_seconds(reply->slew_left, slew_left);
		used += (size_t)snprintf(into + used, EXCHANGE_LINE - used, " %s %" PRId64 " %s %s ", frequency, reply->tick_us,
		    slew_left, syncs[reply->sync]);
		used = append_time(reply->maxerror, into, used);
	}
	into[used++] = '\n';
	into[used] = '\0';
	return used;
}

size_t
exchange_write_no(enum exchange_reason reason, const char *text, char *into)
{
	return (size_t)snprintf(into, EXCHANGE_LINE + 1, "no %s %.200s\n", reasons[reason], text);
}
