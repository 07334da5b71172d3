/* State and log as text: see record_text.h. */
#include "host/record_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/drift.h"
#include "lib/text.h"

#define FORMAT_LINE "guestclock-state 1"
#define END 4	/* the length of the last line */
/*
 * The most octets that a guest's name, without the hash, takes in a file's name.  With the hash, and the prefix and
 * suffix of a new or damaged file, the file's name stays below the kernel's limit of 255 octets.
 */
#define FILE_NAME_PLAIN 160

/* The most times in one line.  A struct measurement or reference becomes one line, in the order of its members. */
#define TIMES 4
_Static_assert(sizeof(struct measurement) == TIMES * sizeof(nanoseconds), "a measurement consists of four times");
_Static_assert(sizeof(struct reference) == 3 * sizeof(nanoseconds), "a reference consists of three times");

/* Writes NAME, the COUNT times at FROM, each as " +S.NNNNNNNNN", and LF.  Returns the length. */
static int
put_times(char *into, size_t size, const char *name, const void *from, size_t count)
{
	nanoseconds times[TIMES];
	size_t used = (size_t)snprintf(into, size, "%s", name);

	memcpy(times, from, count * sizeof *times);
	for (size_t at = 0; at < count; at++) {
		char text[SECONDS_TEXT];

		format_seconds(times[at], text);
		used += (size_t)snprintf(into + used, size - used, " %s%s", text, at + 1 == count ? "\n" : "");
	}
	return (int)used;
}

size_t
record_format(const struct record *record, const struct rate *rate, char text[RECORD_TEXT])
{
	size_t used = 0;

#define PUT(function, ...) used += (size_t)function(text + used, RECORD_TEXT - used, __VA_ARGS__)
	PUT(snprintf, "%s\nguest %s\n", FORMAT_LINE, record->guest);
	PUT(put_times, "time", &record->time, 1);
	PUT(put_times, "last-success", &record->last_success, 1);
	PUT(snprintf, "result %s\naction %s\n", record_result_names[record->result], client_action_names[record->action]);
	PUT(put_times, "before", &record->before, 4);
	PUT(put_times, "after", &record->after, 4);
	PUT(put_times, "reference", &record->reference, 3);
	if (record->has_drift)
		PUT(put_times, "drift-ppb", &record->drift_ppb, 1);
	else
		PUT(snprintf, "drift-ppb none\n");
	PUT(snprintf, "boot %s\ntext %s\n", record->boot[0] != '\0' ? record->boot : "-", record->text);
	used += rate_format(rate, text + used);
	PUT(snprintf, "end\n");
#undef PUT
	return used;
}

/* The part of a text that has not been parsed yet; good is false after a fault. */
struct cursor {
	const char *at, *end;
	bool good;
};

/*
 * Copies into VALUE the rest of the next line, which must begin with NAME and a space, be printable, and fit.
 * Otherwise cursor->good becomes false, and VALUE becomes empty.
 */
static void
take_line(struct cursor *cursor, const char *name, char *value, size_t size)
{
	const char *newline = cursor->good ? memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at)) : NULL;
	size_t prefix = strlen(name), length = newline == NULL ? 0 : (size_t)(newline - cursor->at), used = 0;

	cursor->good = length > prefix && memcmp(cursor->at, name, prefix) == 0 && cursor->at[prefix] == ' ' &&
	    length - prefix <= size;
	for (size_t at = prefix + 1; cursor->good && at < length; at++) {
		value[used++] = cursor->at[at];
		cursor->good = cursor->at[at] >= ' ' && cursor->at[at] <= '~';
	}
	value[cursor->good ? used : 0] = '\0';
	cursor->at += cursor->good ? length + 1 : 0;
}

/* Parses a signed number of seconds, in the format of format_seconds(). */
static bool
signed_seconds(const char *text, nanoseconds *value)
{
	if ((*text != '+' && *text != '-') || strchr(text, '.') == NULL || strlen(strchr(text, '.')) != 10 ||
	    !parse_seconds(text + 1, INT64_MAX, value))
		return false;
	if (*text == '-')
		*value = -*value;
	return true;
}

/* Parses COUNT times, separated by a space, into the nanoseconds at INTO.  Changes TEXT. */
static bool
parse_times(char *text, void *into, size_t count)
{
	nanoseconds times[TIMES] = { 0 };

	for (size_t at = 0; at < count; at++) {
		char *space = strchr(text, ' ');

		if ((space != NULL) != (at + 1 < count))
			return false;
		if (space != NULL)
			*space = '\0';
		if (!signed_seconds(text, &times[at]))
			return false;
		text += strlen(text) + 1;
	}
	memcpy(into, times, count * sizeof *times);
	return true;
}

static void
take_times(struct cursor *cursor, const char *name, void *into, size_t count)
{
	char text[TIMES * SECONDS_TEXT + 1];

	take_line(cursor, name, text, sizeof text);
	cursor->good = cursor->good && parse_times(text, into, count);
}

/* Returns the index in WORDS of the value of the next line, NAME; after a fault, 0, and cursor->good is then false. */
static int
take_word(struct cursor *cursor, const char *name, const char *const *words, int count)
{
	char word[16];
	int at = 0;

	take_line(cursor, name, word, sizeof word);
	while (at < count && strcmp(word, words[at]) != 0)
		at++;
	cursor->good = cursor->good && at < count;
	return cursor->good ? at : 0;
}

bool
record_parse(const char *text, size_t length, struct record *record, struct rate *rate)
{
	struct cursor cursor = { text, text + length, true };
	char word[SECONDS_TEXT];

	memset(record, 0, sizeof *record);
	take_line(&cursor, "guestclock-state", word, sizeof word);
	cursor.good = cursor.good && strcmp(word, "1") == 0;
	take_line(&cursor, "guest", record->guest, sizeof record->guest);
	cursor.good = cursor.good && guest_list_fault(record->guest) == NULL;
	take_times(&cursor, "time", &record->time, 1);
	take_times(&cursor, "last-success", &record->last_success, 1);
	record->result = (enum client_result)take_word(&cursor, "result", record_result_names, CLIENT_FAILED + 1);
	record->action = (enum client_action)take_word(&cursor, "action", client_action_names, ACTION_OTHER_SERVICE + 1);
	take_times(&cursor, "before", &record->before, 4);
	take_times(&cursor, "after", &record->after, 4);
	cursor.good = cursor.good && record->before.bound >= 0 && record->before.delay >= 0 && record->after.bound >= 0 &&
	    record->after.delay >= 0;
	take_times(&cursor, "reference", &record->reference, 3);
	take_line(&cursor, "drift-ppb", word, sizeof word);
	record->has_drift = cursor.good && strcmp(word, "none") != 0;
	cursor.good = cursor.good && (!record->has_drift || (signed_seconds(word, &record->drift_ppb) &&
	    record->drift_ppb <= DRIFT_MOST && record->drift_ppb >= -DRIFT_MOST));
	take_line(&cursor, "boot", record->boot, sizeof record->boot);
	cursor.good = cursor.good && record->boot[0] != '\0' && record->boot[strspn(record->boot, "0123456789abcdefABCDEF-")] == '\0';
	take_line(&cursor, "text", record->text, sizeof record->text);
	return cursor.good && cursor.end - cursor.at >= END && memcmp(cursor.end - END, "end\n", END) == 0 &&
	    rate_parse(cursor.at, (size_t)(cursor.end - END - cursor.at), rate);
}

size_t
record_format_log(const struct record *record, const char *command, char line[RECORD_LOG_LINE])
{
	char time[DATE_TEXT], offset[SECONDS_TEXT], bound[SECONDS_TEXT], residual[SECONDS_TEXT], delay[SECONDS_TEXT];
	char ppm[SECONDS_TEXT], rate[SECONDS_TEXT + 16] = "", event[32] = "";

	format_date(record->time, time);
	if (record->result != CLIENT_DONE)
		return (size_t)snprintf(line, RECORD_LOG_LINE, "%s %s %s %s %s\n", time, record->guest, command,
		    record_result_names[record->result], record->text);
	format_seconds(record->before.offset, offset);
	format_seconds(record->before.bound, bound);
	format_seconds(record->after.offset, residual);
	format_seconds(record->before.delay, delay);
	if (record->verdict.has_rate) {
		format_rate(record->verdict.rate_ppb, ppm);
		snprintf(rate, sizeof rate, " rate=%s", ppm);
	}
	if (record->verdict.event != RATE_EVENT_NONE)
		snprintf(event, sizeof event, " event=%s", rate_event_names[record->verdict.event]);
	return (size_t)snprintf(line, RECORD_LOG_LINE, "%s %s %s ok %s offset=%s bound=%s delay=%s residual=%s%s%s\n", time,
	    record->guest, command, client_action_names[record->action], offset, bound + 1, delay + 1, residual, rate, event);
}

bool
record_log_time(const char *line, size_t length, nanoseconds *time)
{
	char date[24], decimals[16];
	int64_t seconds;
	nanoseconds fraction;

	/* "YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ " */
	if (length < 31 || line[19] != '.' || line[29] != 'Z' || line[30] != ' ')
		return false;
	snprintf(date, sizeof date, "%.19sZ", line);
	snprintf(decimals, sizeof decimals, "0%.10s", line + 19);
	if (!parse_date(date, &seconds) || !parse_seconds(decimals, INT64_MAX, &fraction))
		return false;
	/* The sum does not overflow: a date is before 2262, and the fraction is less than a second. */
	*time = seconds * NS_PER_SECOND + fraction;
	return true;
}

void
record_file_name(const char *guest, char name[RECORD_FILE_NAME])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@_-";
	size_t used = 0;

	for (const char *at = guest; *at != '\0'; at++) {
		if (strchr(plain, *at) != NULL || (*at == '.' && at != guest))
			name[used++] = *at;
		else
			used += (size_t)snprintf(name + used, 4, "%%%02X", (unsigned)(unsigned char)*at);
	}
	if (used > FILE_NAME_PLAIN) {
		uint64_t hash = UINT64_C(0xcbf29ce484222325);	/* FNV-1a: names that differ only after the cut get two files */

		for (const char *at = guest; *at != '\0'; at++)
			hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
		used = FILE_NAME_PLAIN;
		used += (size_t)snprintf(name + used, RECORD_FILE_NAME - used, "~%016" PRIx64, hash);
	}
	strcpy(name + used, ".state");
}
