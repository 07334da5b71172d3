/*
 * record_text: one or two state files, one after the other; each line also as a line of the log and as a guest's name.
 */
#include "fuzz.h"

#include "host/drift.h"
#include "host/record_text.h"
#include "lib/text.h"

/* The log has one line for a record, and the line's time can be parsed. */
static void
check_log(const struct record *record, bool correct)
{
	char line[RECORD_LOG_LINE], name[GUEST_NAME + 3];
	size_t length = record_format_log(record, correct ? "sync" : "check", line);
	bool readable = record->time >= 0 && seconds_floor(record->time) <= INT64_C(9214646399);
	nanoseconds time = 0;

	REQUIRE(length < sizeof line && line[length] == '\0' && line[length - 1] == '\n');
	REQUIRE(record_log_time(line, length - 1, &time) == readable);
	REQUIRE(!readable || time == record->time);
	line[length - 1] = '\0';
	REQUIRE(fuzz_is_line(line, sizeof line));
	snprintf(name, sizeof name, " %s ", record->guest);
	REQUIRE(strncmp(strchr(line, 'Z') + 1, name, strlen(name)) == 0);
}

static void
check_state(const struct record *record, const struct rate *rate)
{
	char text[RECORD_TEXT], again[RECORD_TEXT];
	struct record back;
	struct rate rate_back;
	size_t length = record_format(record, rate, text);

	REQUIRE(length < sizeof text && length == strlen(text));
	REQUIRE(record_parse(text, length, &back, &rate_back));
	REQUIRE(record_format(&back, &rate_back, again) == length && strcmp(text, again) == 0);
	/* A truncated state is invalid. */
	REQUIRE(!record_parse(text, length - 1, &back, &rate_back));
	REQUIRE(guest_list_fault(record->guest) == NULL && fuzz_printable(record->text));
	REQUIRE(record->boot[0] != '\0' && fuzz_consists_of(record->boot, "0123456789abcdefABCDEF-"));
	REQUIRE(record->before.bound >= 0 && record->before.delay >= 0);
	REQUIRE(record->after.bound >= 0 && record->after.delay >= 0);
	REQUIRE(record->result <= CLIENT_FAILED && record->action <= ACTION_OTHER_SERVICE);
	REQUIRE(record->drift_ppb <= DRIFT_MOST && record->drift_ppb >= -DRIFT_MOST);
	REQUIRE(record->has_drift || record->drift_ppb == 0);
	check_log(record, true);
	check_log(record, false);
}

static void
check_followed(const struct record *previous, const struct record *now)
{
	struct record next = *now;

	drift_follow(previous, &next);
	REQUIRE(next.drift_ppb <= DRIFT_MOST && next.drift_ppb >= -DRIFT_MOST);
	REQUIRE(next.has_drift || next.drift_ppb == 0);
	REQUIRE(!next.has_drift || strcmp(previous->boot, next.boot) == 0);
	REQUIRE(next.reference.settled >= next.reference.time || next.reference.time == previous->reference.time);
}

static void
check_name(const char *guest)
{
	char name[RECORD_FILE_NAME];

	if (guest_list_fault(guest) != NULL)
		return;
	record_file_name(guest, name);
	REQUIRE(strlen(name) < 200 && strcmp(name + strlen(name) - 6, ".state") == 0);
	REQUIRE(name[0] != '.' && fuzz_consists_of(name, LETTERS_AND_DIGITS "@_-.%~"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char last[] = "\nend\n";
	char *octets = fuzz_octets(data, size), *text = fuzz_text(data, size);
	const char *end = memmem(octets, size, last, sizeof last - 1);
	size_t length = end != NULL ? (size_t)(end - octets) + sizeof last - 1 : size;
	struct record first, second;
	struct rate rate;

	if (record_parse(octets, length, &first, &rate)) {
		check_state(&first, &rate);
		check_followed(&(struct record){ .time = 0 }, &first);
		if (record_parse(octets + length, size - length, &second, &rate)) {
			check_state(&second, &rate);
			check_followed(&first, &second);
			check_followed(&second, &first);
		}
	}
	for (char *line = text, *next; line != NULL; line = next) {
		nanoseconds time;

		next = fuzz_next_line(line);
		check_name(line);
		if (record_log_time(line, strlen(line), &time)) {
			char date[DATE_TEXT];

			format_date(time, date);
			REQUIRE(strncmp(line, date, 30) == 0);
		}
	}
	free(octets);
	free(text);
	return 0;
}
