/* State and log as text: see record_text.h. */
#include "host/record_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/drift.h"
#include "lib/text.h"

#define FORMAT_LINE "guestclock-state 1"
/* A file's name may have at most 255 octets, including the prefix and suffix of a new or a damaged file. */
#define FILE_NAME_PLAIN 160

static const char *const results[] = { "unfinished", "ok", "refused", "failed" };

const char *
record_result_name(enum dialog_result result)
{
	return results[result];
}

/* Writes "name +S.NNNNNNNNN" and LF. */
static int
put_seconds(char *into, size_t size, const char *name, nanoseconds value)
{
	char text[SECONDS_TEXT];

	format_seconds(value, text);
	return snprintf(into, size, "%s %s\n", name, text);
}

static int
put_measurement(char *into, size_t size, const char *name, const struct measurement *measured)
{
	char offset[SECONDS_TEXT], bound[SECONDS_TEXT], delay[SECONDS_TEXT], time[SECONDS_TEXT];

	format_seconds(measured->offset, offset);
	format_seconds(measured->bound, bound);
	format_seconds(measured->delay, delay);
	format_seconds(measured->time, time);
	return snprintf(into, size, "%s %s %s %s %s\n", name, offset, bound, delay, time);
}

static int
put_reference(char *into, size_t size, const struct reference *reference)
{
	char time[SECONDS_TEXT], left[SECONDS_TEXT], settled[SECONDS_TEXT];

	format_seconds(reference->time, time);
	format_seconds(reference->left, left);
	format_seconds(reference->settled, settled);
	return snprintf(into, size, "reference %s %s %s\n", time, left, settled);
}

size_t
record_format(const struct record *record, char text[RECORD_TEXT])
{
	size_t used = 0;

#define PUT(function, ...) used += (size_t)function(text + used, RECORD_TEXT - used, __VA_ARGS__)
	PUT(snprintf, "%s\nguest %s\n", FORMAT_LINE, record->guest);
	PUT(put_seconds, "time", record->time);
	PUT(put_seconds, "last-success", record->last_success);
	PUT(snprintf, "result %s\naction %s\n", results[record->result], dialog_action_name(record->action));
	PUT(put_measurement, "before", &record->before);
	PUT(put_measurement, "after", &record->after);
	PUT(put_reference, &record->reference);
	if (record->has_drift)
		PUT(put_seconds, "drift-ppb", record->drift_ppb);
	else
		PUT(snprintf, "drift-ppb none\n");
	PUT(snprintf, "boot %s\ntext %s\nend\n", record->boot[0] != '\0' ? record->boot : "-", record->text);
#undef PUT
	return used;
}

/* The part of a text that has not been parsed yet; good is false after a fault. */
struct cursor {
	const char *at, *end;
	bool good;
};

/* Copies into VALUE the rest of the next line, which must begin with NAME and a space. */
static void
take_line(struct cursor *cursor, const char *name, char *value, size_t size)
{
	const char *newline = cursor->good ? memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at)) : NULL;
	size_t prefix = strlen(name), length;

	value[0] = '\0';
	cursor->good = newline != NULL && (size_t)(newline - cursor->at) > prefix &&
	    memcmp(cursor->at, name, prefix) == 0 && cursor->at[prefix] == ' ';
	if (!cursor->good)
		return;
	cursor->at += prefix + 1;
	length = (size_t)(newline - cursor->at);
	cursor->good = length < size;
	for (size_t at = 0; at < length && cursor->good; at++)
		cursor->good = cursor->at[at] >= ' ' && cursor->at[at] <= '~';
	if (!cursor->good)
		return;
	memcpy(value, cursor->at, length);
	value[length] = '\0';
	cursor->at = newline + 1;
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

static void
take_seconds(struct cursor *cursor, const char *name, nanoseconds *value)
{
	char text[SECONDS_TEXT + 1];

	take_line(cursor, name, text, sizeof text);
	cursor->good = cursor->good && signed_seconds(text, value);
}

/* Parses the line NAME, which has COUNT signed numbers of seconds. */
static void
take_several(struct cursor *cursor, const char *name, nanoseconds *const *values, int count)
{
	char text[4 * SECONDS_TEXT + 4], *word = text;

	take_line(cursor, name, text, sizeof text);
	for (int at = 0; at < count && cursor->good; at++) {
		char *space = strchr(word, ' ');

		cursor->good = (space != NULL) == (at < count - 1);
		if (space != NULL)
			*space++ = '\0';
		cursor->good = cursor->good && signed_seconds(word, values[at]);
		word = space;
	}
}

static void
take_measurement(struct cursor *cursor, const char *name, struct measurement *measured)
{
	nanoseconds *const values[] = { &measured->offset, &measured->bound, &measured->delay, &measured->time };

	take_several(cursor, name, values, 4);
	cursor->good = cursor->good && measured->bound >= 0 && measured->delay >= 0;
}

static void
take_reference(struct cursor *cursor, struct reference *reference)
{
	nanoseconds *const values[] = { &reference->time, &reference->left, &reference->settled };

	take_several(cursor, "reference", values, 3);
}

static bool
word_index(const char *word, const char *const *names, int count, int *index)
{
	for (int at = 0; at < count; at++)
		if (strcmp(word, names[at]) == 0) {
			*index = at;
			return true;
		}
	return false;
}

static bool
action_index(const char *word, int *index)
{
	const char *names[ACTION_OTHER_SERVICE + 1];

	for (int at = 0; at <= ACTION_OTHER_SERVICE; at++)
		names[at] = dialog_action_name((enum dialog_action)at);
	return word_index(word, names, ACTION_OTHER_SERVICE + 1, index);
}

bool
record_parse(const char *text, size_t length, struct record *record)
{
	struct cursor cursor = { text, text + length, true };
	char word[DIALOG_TEXT];
	int index = 0;

	memset(record, 0, sizeof *record);
	take_line(&cursor, "guestclock-state", word, sizeof word);
	cursor.good = cursor.good && strcmp(word, "1") == 0;
	take_line(&cursor, "guest", record->guest, sizeof record->guest);
	cursor.good = cursor.good && guest_list_fault(record->guest) == NULL;
	take_seconds(&cursor, "time", &record->time);
	take_seconds(&cursor, "last-success", &record->last_success);
	take_line(&cursor, "result", word, sizeof word);
	cursor.good = cursor.good && word_index(word, results, DIALOG_FAILED + 1, &index);
	record->result = (enum dialog_result)index;
	take_line(&cursor, "action", word, sizeof word);
	cursor.good = cursor.good && action_index(word, &index);
	record->action = (enum dialog_action)index;
	take_measurement(&cursor, "before", &record->before);
	take_measurement(&cursor, "after", &record->after);
	take_reference(&cursor, &record->reference);
	take_line(&cursor, "drift-ppb", word, sizeof word);
	record->has_drift = cursor.good && strcmp(word, "none") != 0;
	cursor.good = cursor.good && (!record->has_drift || (signed_seconds(word, &record->drift_ppb) &&
	    record->drift_ppb <= DRIFT_MOST && record->drift_ppb >= -DRIFT_MOST));
	take_line(&cursor, "boot", record->boot, sizeof record->boot);
	cursor.good = cursor.good && record->boot[0] != '\0' && record->boot[strspn(record->boot, "0123456789abcdefABCDEF-")] == '\0';
	take_line(&cursor, "text", record->text, sizeof record->text);
	return cursor.good && cursor.end - cursor.at == 4 && memcmp(cursor.at, "end\n", 4) == 0;
}

size_t
record_format_log(const struct record *record, bool correct, char line[RECORD_LOG_LINE])
{
	char time[DATE_TEXT], offset[SECONDS_TEXT], bound[SECONDS_TEXT], residual[SECONDS_TEXT], delay[SECONDS_TEXT];
	const char *command = correct ? "sync" : "check";

	format_date(record->time, time);
	if (record->result != DIALOG_DONE)
		return (size_t)snprintf(line, RECORD_LOG_LINE, "%s %s %s %s %s\n", time, record->guest, command,
		    results[record->result], record->text);
	format_seconds(record->before.offset, offset);
	format_seconds(record->before.bound, bound);
	format_seconds(record->after.offset, residual);
	format_seconds(record->before.delay, delay);
	return (size_t)snprintf(line, RECORD_LOG_LINE, "%s %s %s ok %s offset=%s bound=%s delay=%s residual=%s\n", time,
	    record->guest, command, dialog_action_name(record->action), offset, bound + 1, delay + 1, residual);
}

bool
record_log_time(const char *line, size_t length, nanoseconds *time)
{
	char date[24];
	int64_t seconds;
	nanoseconds fraction;

	/* "YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ " */
	if (length < 31 || line[19] != '.' || line[29] != 'Z' || line[30] != ' ')
		return false;
	memcpy(date, line, 19);
	memcpy(date + 19, "Z", 2);
	if (!parse_date(date, &seconds))
		return false;
	memcpy(date, "0.", 2);
	memcpy(date + 2, line + 20, 9);
	date[11] = '\0';
	if (!parse_seconds(date, INT64_MAX, &fraction))
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
		uint64_t hash = UINT64_C(0xcbf29ce484222325);	/* FNV-1a: long names differ after the cut */

		for (const char *at = guest; *at != '\0'; at++)
			hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
		used = FILE_NAME_PLAIN;
		used += (size_t)snprintf(name + used, RECORD_FILE_NAME - used, "~%016" PRIx64, hash);
	}
	strcpy(name + used, ".state");
}
