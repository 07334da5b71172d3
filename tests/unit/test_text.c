/* text: valid and invalid input for the parsers, and the formatters' output. */
#include "unit.h"

#include <string.h>
#include <time.h>

#include "lib/text.h"

static void
whole(void **unused)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "37x", "0x25", "1e3", "12345678901", "65536", "0" };
	int64_t value = 42;

	(void)unused;
	for (size_t at = 0; at < LENGTH(bad); at++)
		assert_false(parse_whole(bad[at], 1, 65535, &value));
	assert_int_equal(value, 42);
	assert_true(parse_whole("65535", 1, 65535, &value));
	assert_int_equal(value, 65535);
	assert_true(parse_whole("0037", 1, 65535, &value));
	assert_int_equal(value, 37);
}

static void
seconds(void **unused)
{
	static const char *const bad[] = { "", ".", ".5", "5.", "-1", "+1", "nan", "inf", "1e9", "1.0000000000", "1,5",
		"9999999999", "9223372036", "1.5s", "1 ", "0x1" };
	nanoseconds value = 42;

	(void)unused;
	for (size_t at = 0; at < LENGTH(bad); at++)
		assert_false(parse_seconds(bad[at], INT64_MAX, &value));
	assert_int_equal(value, 42);
	assert_true(parse_seconds("0", INT64_MAX, &value));
	assert_int_equal(value, 0);
	assert_true(parse_seconds("0.000000001", INT64_MAX, &value));
	assert_int_equal(value, 1);
	assert_true(parse_seconds("9223372034.999999999", INT64_MAX, &value));
	assert_int_equal(value, INT64_C(9223372034999999999));
	assert_true(parse_seconds("1.5", 1500000000, &value));
	assert_false(parse_seconds("1.500000001", 1500000000, &value));
}

static void
dates(void **unused)
{
	static const char *const bad[] = { "", "2026", "2026-13-01", "2026-00-01", "2026-11-31", "2025-02-29", "2100-02-29",
		"1969-12-31", "2262-01-01", "2026-11-01T", "2026-11-01T24:00:00Z", "2026-11-01T00:60:00Z",
		"2026-11-01T00:00:60Z", "2026-11-01T00:00:00", "2026-11-01 00:00:00Z", "2026-11-1", "x026-11-01",
		"2026-11-01T00:00:00+01:00" };
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
		{ "1970-01-01", 0 }, { "2026-11-01", 1793491200 }, { "2036-02-07T06:28:16Z", 2085978496 },
		{ "2038-01-19T03:14:08Z", INT64_C(2147483648) }, { "2000-02-29", 951782400 }, { "2024-02-29", 1709164800 },
		{ "2100-03-01", INT64_C(4107542400) }, { "2261-12-31T23:59:59Z", INT64_C(9214646399) },
	};
	int64_t value = 42;

	(void)unused;
	for (size_t at = 0; at < LENGTH(bad); at++)
		assert_false(parse_date(bad[at], &value));
	assert_int_equal(value, 42);
	for (size_t at = 0; at < LENGTH(good); at++) {
		assert_true(parse_date(good[at].text, &value));
		assert_int_equal(value, good[at].seconds);
	}
}

static void
dates_agree_with_gmtime(void **unused)
{
	(void)unused;
	for (int64_t at = -INT64_C(9214646400); at < INT64_C(9214646400); at += 86399 * 7) {
		char ours[DATE_TEXT], theirs[DATE_TEXT];
		time_t time = at;
		struct tm broken;

		format_date(at * NS_PER_SECOND, ours);
		assert_non_null(gmtime_r(&time, &broken));
		strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.000000000Z", &broken);
		assert_string_equal(ours, theirs);
		if (at >= 0) {
			int64_t back;

			strcpy(ours + 19, "Z");
			assert_true(parse_date(ours, &back));
			assert_int_equal(back, at);
		}
	}
}

static void
prints(void **unused)
{
	char text[SECONDS_TEXT], date[DATE_TEXT], quoted[12];

	(void)unused;
	format_seconds(0, text);
	assert_string_equal(text, "+0.000000000");
	format_seconds(-1, text);
	assert_string_equal(text, "-0.000000001");
	format_seconds(INT64_MIN, text);
	assert_string_equal(text, "-9223372036.854775808");
	format_seconds(INT64_C(-589123456789012345), text);
	assert_string_equal(text, "-589123456.789012345");
	format_date(-1, date);
	assert_string_equal(date, "1969-12-31T23:59:59.999999999Z");
	format_date(INT64_MIN, date);
	assert_string_equal(date, "1677-09-21T00:12:43.145224192Z");
	format_quoted("a\tb\x80\n\"c", quoted, sizeof quoted);
	assert_string_equal(quoted, "a?b??\"c");
	format_quoted("  a     b   ", quoted, sizeof quoted);
	assert_string_equal(quoted, " a b ");
	format_quoted("1234567890     1", quoted, sizeof quoted);
	assert_string_equal(quoted, "12345678...");
	format_quoted("12345678901", quoted, sizeof quoted);
	assert_string_equal(quoted, "12345678901");
	format_quoted("123456789012", quoted, sizeof quoted);
	assert_string_equal(quoted, "12345678...");
	format_quoted("123456 89 12", quoted, sizeof quoted);
	assert_string_equal(quoted, "123456 ...");
	format_quoted("1 3456789012", quoted, sizeof quoted);
	assert_string_equal(quoted, "1 345678...");
}

static void
printable(void **unused)
{
	static const char none[4] = { 'a', 'b', 'c', 'd' };

	(void)unused;
	assert_true(text_is_printable("", 1));
	assert_true(text_is_printable("a ~", 4));
	assert_true(text_is_printable("a\0\n", 4));
	assert_false(text_is_printable(none, sizeof none));
	assert_false(text_is_printable("", 0));
	assert_false(text_is_printable("a\n", 3));
	assert_false(text_is_printable("\x1f", 2));
	assert_false(text_is_printable("\x7f", 2));
	assert_false(text_is_printable("\xc3\xa9", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(seconds),
		cmocka_unit_test(dates),
		cmocka_unit_test(dates_agree_with_gmtime),
		cmocka_unit_test(prints),
		cmocka_unit_test(printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
