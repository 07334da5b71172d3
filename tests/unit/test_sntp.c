/* sntp: answers that are accepted, and those that are not. */
#include "unit.h"

#include <string.h>

#include "set/sntp.h"

#define NONCE UINT64_C(0x1122334455667788)
#define PIVOT INT64_C(2500000000)

/* A good answer: stratum 2, received at wire second 0xeeaeaf00.5, sent 0.25 s later. */
static void
answer(uint8_t out[SNTP_OCTETS])
{
	uint64_t nonce = NONCE;

	memset(out, 0, SNTP_OCTETS);
	out[0] = 0 << 6 | 4 << 3 | 4;
	out[1] = 2;
	out[7] = 0x80;		/* root delay 0.5 / 256 s: 128 / 65536 */
	out[10] = 0x01;		/* root dispersion 256 / 65536 s */
	memcpy(out + 24, &nonce, sizeof nonce);
	memcpy(out + 32, (const uint8_t[]){ 0xee, 0xae, 0xaf, 0x00, 0x80, 0, 0, 0 }, 8);
	memcpy(out + 40, (const uint8_t[]){ 0xee, 0xae, 0xaf, 0x00, 0xc0, 0, 0, 0 }, 8);
}

static enum sntp_result
read_with(size_t offset, uint8_t value, struct sntp_answer *told)
{
	uint8_t wire[SNTP_OCTETS];

	answer(wire);
	wire[offset] = value;
	return sntp_read(wire, sizeof wire, NONCE, PIVOT, told);
}

static void
good(void **unused)
{
	struct sntp_answer told;

	(void)unused;
	assert_int_equal(read_with(2, 0, &told), SNTP_OK);
	assert_int_equal(told.received, (INT64_C(0xeeaeaf00) - INT64_C(2208988800)) * NS_PER_SECOND + NS_PER_SECOND / 2);
	assert_int_equal(told.sent - told.received, NS_PER_SECOND / 4);
	assert_int_equal(told.distance, NS_PER_SECOND / 256 + (NS_PER_SECOND / 512 + 1) / 2);
	/* A bound is rounded up: 257 parts of 65536 are 3921508.8 ns, half of 128 parts 976562.5. */
	assert_int_equal(read_with(11, 1, &told), SNTP_OK);
	assert_int_equal(told.distance, 3921509 + 976563);
	/* Versions 1 to 4 are accepted. */
	assert_int_equal(read_with(0, 1 << 3 | 4, &told), SNTP_OK);
}

static void
next_era(void **unused)
{
	uint8_t wire[SNTP_OCTETS];
	struct sntp_answer told;

	(void)unused;
	answer(wire);
	memcpy(wire + 32, (const uint8_t[]){ 0, 0, 0, 0, 0, 0, 0, 1 }, 8);
	memcpy(wire + 40, (const uint8_t[]){ 0, 0, 0, 1, 0, 0, 0, 0 }, 8);
	assert_int_equal(sntp_read(wire, sizeof wire, NONCE, PIVOT, &told), SNTP_OK);
	assert_int_equal(told.received / NS_PER_SECOND, INT64_C(2085978496));
	assert_int_equal(told.sent / NS_PER_SECOND, INT64_C(2085978497));
}

static void
bad(void **unused)
{
	uint8_t wire[SNTP_OCTETS + 1] = { 0 };
	struct sntp_answer told;

	(void)unused;
	answer(wire);
	for (size_t length = 0; length < SNTP_OCTETS; length++)
		assert_int_equal(sntp_read(wire, length, NONCE, PIVOT, &told), SNTP_SHORT);
	assert_int_equal(sntp_read(wire, sizeof wire, NONCE, PIVOT, &told), SNTP_OK);
	assert_int_equal(sntp_read(wire, SNTP_OCTETS, NONCE + 1, PIVOT, &told), SNTP_NOT_AN_ANSWER);
	assert_int_equal(read_with(0, 4 << 3 | 3, &told), SNTP_NOT_AN_ANSWER);
	assert_int_equal(read_with(0, 4 << 3 | 5, &told), SNTP_NOT_AN_ANSWER);
	assert_int_equal(read_with(0, 0 << 3 | 4, &told), SNTP_NOT_AN_ANSWER);
	assert_int_equal(read_with(0, 5 << 3 | 4, &told), SNTP_NOT_AN_ANSWER);
	assert_int_equal(read_with(0, 3 << 6 | 4 << 3 | 4, &told), SNTP_UNSYNCHRONISED);
	assert_int_equal(read_with(1, 16, &told), SNTP_UNSYNCHRONISED);
	assert_int_equal(read_with(9, 16, &told), SNTP_UNSYNCHRONISED);
	/* The answer was sent before the question was received. */
	assert_int_equal(read_with(44, 0x7f, &told), SNTP_NONSENSE);
	answer(wire);
	memset(wire + 40, 0, 8);
	assert_int_equal(sntp_read(wire, SNTP_OCTETS, NONCE, PIVOT, &told), SNTP_NONSENSE);
}

static void
kiss(void **unused)
{
	uint8_t wire[SNTP_OCTETS];
	struct sntp_answer told;

	(void)unused;
	answer(wire);
	wire[1] = 0;
	memcpy(wire + 12, "RATE", 4);
	assert_int_equal(sntp_read(wire, sizeof wire, NONCE, PIVOT, &told), SNTP_KISS);
	assert_string_equal(told.kiss, "RATE");
	memcpy(wire + 12, "\x1b[2J", 4);
	assert_int_equal(sntp_read(wire, sizeof wire, NONCE, PIVOT, &told), SNTP_KISS);
	assert_string_equal(told.kiss, "???J");
}

static void
asks(void **unused)
{
	uint8_t wire[SNTP_OCTETS], zero[SNTP_OCTETS] = { 0 };
	uint64_t nonce = NONCE;

	(void)unused;
	sntp_question(wire, NONCE);
	assert_int_equal(wire[0], 0x23);
	assert_memory_equal(wire + 1, zero + 1, 39);
	assert_memory_equal(wire + 40, &nonce, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(next_era),
		cmocka_unit_test(bad),
		cmocka_unit_test(kiss),
		cmocka_unit_test(asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
