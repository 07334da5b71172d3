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
	[REASON_FAILED] = "failed"
};

static const struct verb {
	const char *word;	/* with the blank before a value */
	int places;		/* the value's decimals; 0: the order has no value */
	bool has_sign;
	int64_t max;		/* the largest value, either way, in units of its last decimal */
} verbs[] = {
	[EXCHANGE_NOW] = { "now", 0, false, 0 }, [EXCHANGE_STEP] = { "step ", 9, true, INT64_MAX },
	[EXCHANGE_SLEW] = { "slew ", 9, true, INT64_MAX }, [EXCHANGE_RATE] = { "rate ", 3, true, SYSCLOCK_RATE_MAX },
	[EXCHANGE_BOUND] = { "bound ", 9, false, INT64_MAX }, [EXCHANGE_BYE] = { "bye", 0, false, 0 }
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

bool
exchange_parse_order(const char *line, size_t length, struct exchange_order *order, bool *range)
{
	bool beyond;

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

static bool
parse_boot(struct reader *reader, char boot[EXCHANGE_BOOT])
{
	static const char allowed[] = "0123456789abcdefABCDEF-";
	size_t length = 0;

	while (!finished(reader) && *reader->at != '\0' && strchr(allowed, *reader->at) != NULL && length < EXCHANGE_BOOT - 1)
		boot[length++] = *reader->at++;
	boot[length] = '\0';
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

bool
exchange_parse_greeting(const char *line, size_t length, struct exchange_greeting *greeting)
{
	struct reader reader = { line, line + length };
	bool range;

	memset(greeting, 0, sizeof *greeting);
	/* Ignore what a later version appends after the tick: the caller decides by the version number. */
	return length < EXCHANGE_LINE && starts(&reader, "guestclock ") && whole(&reader, &greeting->version) &&
	    starts(&reader, " boot=") && parse_boot(&reader, greeting->boot) &&
	    starts(&reader, " sync=") && parse_sync(&reader, &greeting->sync) &&
	    starts(&reader, " freq=") && decimal(&reader, true, 3, INT64_MAX, &greeting->frequency_ppb, &range) &&
	    starts(&reader, " tick=") && whole(&reader, &greeting->tick_us) &&
	    (finished(&reader) || *reader.at == ' ');
}

bool
exchange_parse_reply(const char *line, size_t length, struct exchange_reply *reply)
{
	struct reader reader = { line, line + length };
	bool range;

	memset(reply, 0, sizeof *reply);
	if (length >= EXCHANGE_LINE)
		return false;
	if (starts(&reader, "now ") || starts(&reader, "done ")) {
		reply->kind = line[0] == 'n' ? REPLY_NOW : REPLY_DONE;
		return decimal(&reader, false, 9, INT64_MAX, &reply->time, &range) && finished(&reader);
	}
	if (!starts(&reader, "no "))
		return false;
	reply->kind = REPLY_NO;
	for (int at = 0; at < REASONS; at++) {
		struct reader word = reader;

		if (starts(&word, reasons[at]) && (finished(&word) || *word.at == ' ')) {
			reply->reason = (enum exchange_reason)at;
			return true;
		}
	}
	return false;
}

static void
format_rate(int64_t ppb, char text[SECONDS_TEXT])
{
	uint64_t magnitude = ppb < 0 ? -(uint64_t)ppb : (uint64_t)ppb;

	snprintf(text, SECONDS_TEXT, "%c%" PRIu64 ".%03" PRIu64, ppb < 0 ? '-' : '+', magnitude / 1000, magnitude % 1000);
}

size_t
exchange_write_order(const struct exchange_order *order, char *into)
{
	const struct verb *verb = &verbs[order->verb];
	char value[SECONDS_TEXT];

	(verb->places == 3 ? format_rate : format_seconds)(order->value, value);
	return (size_t)snprintf(into, EXCHANGE_LINE + 1, "%s%s\n", verb->word, verb->places == 0 ? "" : value + !verb->has_sign);
}

size_t
exchange_write_greeting(const struct exchange_greeting *greeting, char *into)
{
	char frequency[SECONDS_TEXT];

	format_rate(greeting->frequency_ppb, frequency);
	return (size_t)snprintf(into, EXCHANGE_LINE + 1, "guestclock %d boot=%.39s sync=%s freq=%s tick=%" PRId64 "\n",
	    EXCHANGE_VERSION, greeting->boot[0] != '\0' ? greeting->boot : "-", syncs[greeting->sync], frequency, greeting->tick_us);
}

/* Does without stdio to be fast: this runs between reading the clock and sending the time that was read. */
size_t
exchange_write_time(const char *word, nanoseconds time, char *into)
{
	char digits[24];
	uint64_t left = time < 0 ? 0 : (uint64_t)time;
	size_t used = strlen(word), count = 0;

	memcpy(into, word, used);
	into[used++] = ' ';
	do {
		if (count == 9)
			digits[count++] = '.';
		digits[count++] = (char)('0' + left % 10);
		left /= 10;
	} while (left != 0 || count < 11);
	while (count > 0)
		into[used++] = digits[--count];
	into[used++] = '\n';
	into[used] = '\0';
	return used;
}

size_t
exchange_write_no(enum exchange_reason reason, const char *text, char *into)
{
	return (size_t)snprintf(into, EXCHANGE_LINE + 1, "no %s %.200s\n", reasons[reason], text);
}
