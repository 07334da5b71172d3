/* rfc868: tables at the wraps of the era, at the ends of types, and for guests whose clock shows another decade. */
#include "unit.h"

#include <string.h>

#include "lib/rfc868.h"
#include "lib/rfc868.h"

static const struct {
	const char *when;
	int64_t unix_seconds;
	uint8_t wire[4];
} table[] = {
	{ "1900-01-01T00:00:00", INT64_C(-2208988800), { 0, 0, 0, 0 } },
	{ "1970-01-01T00:00:00", 0, { 0x83, 0xaa, 0x7e, 0x80 } },
	{ "RFC 868: 1976-01-01", INT64_C(2398291200) - INT64_C(2208988800), { 0x8e, 0xf3, 0x05, 0x00 } },
	{ "2008-02-15T20:49:00", INT64_C(1203108540), { 0xcb, 0x60, 0x79, 0x3c } },
	{ "2026-11-01T00:00:00", INT64_C(1793491200), { 0xee, 0x90, 0xff, 0x80 } },
	{ "2036-02-07T06:28:15", INT64_C(2085978495), { 0xff, 0xff, 0xff, 0xff } },
	{ "2036-02-07T06:28:16", INT64_C(2085978496), { 0, 0, 0, 0 } },
	{ "2036-02-07T06:28:17", INT64_C(2085978497), { 0, 0, 0, 1 } },
	{ "2038-01-19T03:14:07", INT64_C(2147483647), { 0x03, 0xaa, 0x7e, 0x7f } },
	{ "2038-01-19T03:14:08", INT64_C(2147483648), { 0x03, 0xaa, 0x7e, 0x80 } },
	{ "2106-02-07T06:28:15", INT64_C(4294967295), { 0x83, 0xaa, 0x7e, 0x7f } },
	{ "2106-02-07T06:28:16", INT64_C(4294967296), { 0x83, 0xaa, 0x7e, 0x80 } },
	{ "2172-03-15T12:56:31", INT64_C(6380945791), { 0xff, 0xff, 0xff, 0xff } },
	{ "2172-03-15T12:56:32", INT64_C(6380945792), { 0, 0, 0, 0 } },
};

static void
encodes(void **unused)
{
	(void)unused;
	for (size_t at = 0; at < LENGTH(table); at++) {
		uint8_t wire[4];

		rfc868_encode(table[at].unix_seconds, wire);
		assert_memory_equal(wire, table[at].wire, 4);
	}
}

static void
decodes_near(void **unused)
{
	(void)unused;
	/* From any pivot within 68 years, decoding returns the same time. */
	for (size_t at = 0; at < LENGTH(table); at++) {
		int64_t time = table[at].unix_seconds;
		const int64_t half = INT64_C(1) << 31;

		assert_int_equal(rfc868_decode(table[at].wire, time), time);
		assert_int_equal(rfc868_decode(table[at].wire, time + half), time);
		assert_int_equal(rfc868_decode(table[at].wire, time - half + 1), time);
		/* One second further away, the time in another era is nearer. */
		assert_int_equal(rfc868_decode(table[at].wire, time + half + 1), time + RFC868_ERA);
		assert_int_equal(rfc868_decode(table[at].wire, time - half), time - RFC868_ERA);
	}
}

static void
local_clock_does_not_matter(void **unused)
{
	static const uint8_t in_2040[4] = { 0x07, 0x5f, 0x89, 0x00 };
	int64_t pivot = INT64_C(1793491200) + 25 * INT64_C(31556952);

	(void)unused;
	/* The pivot is the middle of 2026 to 2076, whatever the guest's clock shows. */
	assert_int_equal(rfc868_decode(in_2040, pivot), INT64_C(2209680000));
}

static void
each_count_is_one_time_in_an_era(void **unused)
{
	(void)unused;
	for (uint64_t count = 0; count < (UINT64_C(1) << 32); count += 16777213) {
		int64_t time = rfc868_nearest((uint32_t)count, INT64_C(1793491200));

		assert_int_equal(rfc868_count(time), (uint32_t)count);
		assert_true(time >= INT64_C(1793491200) - RFC868_ERA / 2 && time < INT64_C(1793491200) + RFC868_ERA / 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes),
		cmocka_unit_test(decodes_near),
		cmocka_unit_test(local_clock_does_not_matter),
		cmocka_unit_test(each_count_is_one_time_in_an_era),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
