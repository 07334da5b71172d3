/* Numbers, times and text: see text.h. */
#include "lib/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"

/* The value of up to 18 characters, which the caller has checked to be digits. */
static int64_t
digits_value(const char *digits, size_t count)
{
	int64_t value = 0;

	for (size_t at = 0; at < count; at++)
		value = value * 10 + (digits[at] - '0');
	return value;
}

bool
parse_whole(const char *text, int64_t min, int64_t max, int64_t *value)
{
	size_t count = strspn(text, DIGITS);
	int64_t whole;

	if (count == 0 || count > 10 || text[count] != '\0')
		return false;
	whole = digits_value(text, count);
	if (whole < min || whole > max)
		return false;
	*value = whole;
	return true;
}

bool
parse_seconds(const char *text, nanoseconds max, nanoseconds *value)
{
	size_t count = strspn(text, DIGITS);
	nanoseconds fraction = 0, total;

	if (count == 0 || count > 10)
		return false;
	if (text[count] == '.') {
		const char *decimals = text + count + 1;
		size_t places = strspn(decimals, DIGITS);

		if (places == 0 || places > 9 || decimals[places] != '\0')
			return false;
		fraction = digits_value(decimals, places);
		for (size_t place = places; place < 9; place++)
			fraction *= 10;
	} else if (text[count] != '\0')
		return false;
	/* Up to SECONDS_MAX, the whole seconds and any fraction fit into 64 bits. */
	if (digits_value(text, count) > SECONDS_MAX)
		return false;
	total = digits_value(text, count) * NS_PER_SECOND + fraction;
	if (total > max)
		return false;
	*value = total;
	return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar.  Years begin in March: the leap day ends one. */
static int64_t
days_of_date(int64_t year, int64_t month, int64_t day)
{
	int64_t from_march = (month + 9) % 12;
	int64_t march_year = year - (month <= 2);
	int64_t era_day = march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 +
	    (153 * from_march + 2) / 5 + day - 1;

	return era_day - 719468;	/* 0000-03-01 to 1970-01-01 */
}

static void
date_of_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	/* 400 years have 146097 days.  A 64-bit time in nanoseconds is at most 107,000 days from 1970. */
	int64_t since_march = days + 719468;
	int64_t cycle_day = since_march % 146097;
	int64_t cycle_year = (cycle_day - cycle_day / 1460 + cycle_day / 36524 - cycle_day / 146096) / 365;
	int64_t year_day = cycle_day - (365 * cycle_year + cycle_year / 4 - cycle_year / 100);
	int64_t from_march = (5 * year_day + 2) / 153;

	*day = year_day - (153 * from_march + 2) / 5 + 1;
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = since_march / 146097 * 400 + cycle_year + (*month <= 2);
}

static int64_t
days_in_month(int64_t year, int64_t month)
{
	return month == 12 ? 31 : days_of_date(year, month + 1, 1) - days_of_date(year, month, 1);
}

/* Whether TEXT has the shape of PATTERN, in which 0 stands for any digit. */
static bool
has_shape(const char *text, const char *pattern)
{
	if (strlen(text) != strlen(pattern))
		return false;
	for (; *pattern != '\0'; text++, pattern++)
		if (*pattern == '0' ? *text < '0' || *text > '9' : *text != *pattern)
			return false;
	return true;
}

bool
parse_date(const char *text, int64_t *seconds)
{
	bool with_time = has_shape(text, "0000-00-00T00:00:00Z");
	int64_t year, month, day, hour = 0, minute = 0, second = 0;

	if (!with_time && !has_shape(text, "0000-00-00"))
		return false;
	year = digits_value(text, 4);
	month = digits_value(text + 5, 2);
	day = digits_value(text + 8, 2);
	if (with_time) {
		hour = digits_value(text + 11, 2);
		minute = digits_value(text + 14, 2);
		second = digits_value(text + 17, 2);
	}
	if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
	    hour > 23 || minute > 59 || second > 59)
		return false;
	*seconds = ((days_of_date(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
	return true;
}

void
format_seconds(nanoseconds value, char text[SECONDS_TEXT])
{
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;

	snprintf(text, SECONDS_TEXT, "%c%" PRIu64 ".%09" PRIu64, value < 0 ? '-' : '+',
	    magnitude / (uint64_t)NS_PER_SECOND, magnitude % (uint64_t)NS_PER_SECOND);
}

void
format_rate(int64_t ppb, char text[SECONDS_TEXT])
{
	uint64_t magnitude = ppb < 0 ? -(uint64_t)ppb : (uint64_t)ppb;

	snprintf(text, SECONDS_TEXT, "%c%" PRIu64 ".%03" PRIu64, ppb < 0 ? '-' : '+', magnitude / 1000, magnitude % 1000);
}

void
format_date(nanoseconds time, char text[DATE_TEXT])
{
	int64_t seconds = seconds_floor(time);
	int64_t days = seconds / 86400 - (seconds % 86400 < 0);
	int64_t in_day = seconds - days * 86400;
	int64_t year, month, day;

	date_of_days(days, &year, &month, &day);
	snprintf(text, DATE_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", (int)year, (int)month, (int)day,
	    (int)(in_day / 3600), (int)(in_day / 60 % 60), (int)(in_day % 60), (int)seconds_fraction(time));
}

void
format_quoted(const char *from, char *text, size_t size)
{
	size_t at = 0;

	for (; at < size - 1 && *from != '\0'; from++)
		if (*from != ' ' || from[1] != ' ')
			text[at++] = *from >= ' ' && *from <= '~' ? *from : '?';
	text[at] = '\0';
	if (*from == '\0')
		return;
	/* Cut between two words if the second half of TEXT has a space; else cut at the end. */
	for (at = size - 4; at > size / 2 && text[at - 1] != ' '; at--)
		;
	memcpy(text + (at > size / 2 ? at : size - 4), "...", 4);
}

bool
text_is_printable(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size && text[at] >= ' ' && text[at] <= '~')
		at++;
	return at < size && text[at] == '\0';
}
