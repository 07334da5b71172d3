/* text: the input as a number, as seconds, as a date and as text from outside. */
#include "fuzz.h"

#include <time.h>

#include "lib/text.h"

#define UNTOUCHED INT64_C(-4242424242)

static void
check_whole(const char *text, int64_t min, int64_t max)
{
	int64_t value = UNTOUCHED;
	bool good = parse_whole(text, min, max, &value);
	bool number = text[0] != '\0' && strlen(text) <= 10 && fuzz_consists_of(text, "0123456789");
	long long expected = number ? strtoll(text, NULL, 10) : -1;

	REQUIRE(good == (number && expected >= min && expected <= max));
	REQUIRE(value == (good ? expected : UNTOUCHED));
}

static void
check_seconds(const char *text, nanoseconds max)
{
	nanoseconds value = UNTOUCHED, back = UNTOUCHED;
	char printed[SECONDS_TEXT];

	if (!parse_seconds(text, max, &value)) {
		REQUIRE(value == UNTOUCHED);
		return;
	}
	REQUIRE(value >= 0 && value <= max && fuzz_consists_of(text, "0123456789."));
	REQUIRE(seconds_floor(value) == strtoll(text, NULL, 10));
	format_seconds(value, printed);
	REQUIRE(printed[0] == '+' && parse_seconds(printed + 1, max, &back) && back == value);
	/* The smallest limit that accepts the value is the value itself. */
	REQUIRE(parse_seconds(text, value, &back) && (value == 0 || !parse_seconds(text, value - 1, &back)));
}

static void
check_date(const char *text)
{
	int64_t seconds = UNTOUCHED, back;
	char printed[DATE_TEXT], theirs[DATE_TEXT];
	struct tm broken;
	time_t time;

	if (!parse_date(text, &seconds)) {
		REQUIRE(seconds == UNTOUCHED);
		return;
	}
	REQUIRE(seconds >= 0 && seconds <= INT64_C(9214646399));
	format_date(seconds * NS_PER_SECOND, printed);
	REQUIRE(strncmp(text, printed, strlen(text) > 10 ? 19 : 10) == 0);
	time = seconds;
	REQUIRE(gmtime_r(&time, &broken) != NULL);
	REQUIRE(strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.000000000Z", &broken) > 0);
	REQUIRE(strcmp(printed, theirs) == 0);
	strcpy(printed + 19, "Z");
	REQUIRE(parse_date(printed, &back) && back == seconds);
}

/* A text that was cut ends in "...": after the last space of its second half, or else at the end of the room. */
static void
check_cut(const char *text, const char *quoted, size_t size)
{
	size_t kept = strlen(quoted) - 3;

	REQUIRE(kept >= size / 2 && kept <= size - 4 && strcmp(quoted + kept, "...") == 0);
	REQUIRE(kept == size - 4 || (kept > size / 2 && text[kept - 1] == ' '));
	for (size_t at = kept; at < size - 4; at++)
		REQUIRE(text[at] != ' ');
	for (size_t at = 0; at < kept; at++)
		REQUIRE(quoted[at] == (text[at] >= ' ' && text[at] <= '~' ? text[at] : '?'));
}

static void
check_quoted(const char *original, size_t size)
{
	char *quoted = malloc(size), *text = malloc(strlen(original) + 1);
	size_t length = 0;

	REQUIRE(quoted != NULL && text != NULL);
	format_quoted(original, quoted, size);
	/* Of several spaces in a row, one stays. */
	for (; *original != '\0'; original++)
		if (length == 0 || *original != ' ' || text[length - 1] != ' ')
			text[length++] = *original;
	text[length] = '\0';
	REQUIRE(strstr(quoted, "  ") == NULL);
	REQUIRE(strnlen(quoted, size) < size && fuzz_printable(quoted));
	if (strlen(text) < size)
		REQUIRE(strlen(quoted) == strlen(text) && (!fuzz_printable(text) || strcmp(quoted, text) == 0));
	else
		check_cut(text, quoted, size);
	free(quoted);
	free(text);
}

/* Any 64 bits are a valid time and offset, and are printed as such. */
static void
check_printed(nanoseconds value)
{
	char seconds[SECONDS_TEXT], date[DATE_TEXT];

	format_seconds(value, seconds);
	REQUIRE(fuzz_is_line(seconds, sizeof seconds) && strlen(strchr(seconds, '.')) == 10);
	REQUIRE((seconds[0] == '-') == (value < 0));
	format_date(value, date);
	REQUIRE(strlen(date) == 30 && fuzz_consists_of(date, "0123456789-T:.Z"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	nanoseconds value = 0;

	check_whole(text, 1, 65535);
	check_whole(text, 0, INT64_MAX);
	check_seconds(text, INT64_MAX);
	check_seconds(text, 3600 * NS_PER_SECOND);
	check_date(text);
	check_quoted(text, 8);
	check_quoted(text, 40);
	memcpy(&value, data, size < sizeof value ? size : sizeof value);
	check_printed(value);
	free(text);
	return 0;
}
