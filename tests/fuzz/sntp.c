/*
 * sntp: an answer of any length.  The first octet selects the pivot (bits 0 and 1), and whether the answer's originate
 * time is replaced by the one that was sent (bit 2).
 */
#include "fuzz.h"

#include "lib/rfc868.h"
#include "set/set_options.h"
#include "set/sntp.h"

static const uint64_t nonce = UINT64_C(0x8f3a5c7e9b2d4f61);

static int64_t
pivot_of(uint8_t code)
{
	struct set_options options = set_options_default();
	static const int64_t fixed[] = { 0, INT64_C(2085978496), INT64_C(7068902400) };

	return (code & 3) == 3 ? set_options_pivot(&options) : fixed[code & 3];
}

static void
check_answer(const struct sntp_answer *answer, int64_t pivot)
{
	REQUIRE(answer->sent >= answer->received);
	REQUIRE(answer->distance >= 0 && answer->distance <= 16 * NS_PER_SECOND);
	REQUIRE(seconds_floor(answer->received) >= pivot - RFC868_ERA / 2);
	REQUIRE(seconds_floor(answer->sent) < pivot + RFC868_ERA / 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sntp_answer answer, first;
	uint8_t question[SNTP_OCTETS], *packet;
	enum sntp_result result;
	int64_t pivot;

	if (size == 0)
		return 0;
	pivot = pivot_of(data[0]);
	packet = (uint8_t *)fuzz_octets(data + 1, size - 1);
	if ((data[0] & 4) != 0 && size - 1 >= 32)
		memcpy(packet + 24, &nonce, sizeof nonce);
	result = sntp_read(packet, size - 1, nonce, pivot, &answer);
	REQUIRE((result == SNTP_SHORT) == (size - 1 < SNTP_OCTETS));
	REQUIRE((result == SNTP_KISS) == (answer.kiss[0] != '\0'));
	if (result == SNTP_OK)
		check_answer(&answer, pivot);
	if (result == SNTP_KISS)
		REQUIRE(strlen(answer.kiss) == 4 && fuzz_consists_of(answer.kiss, "ABCDEFGHIJKLMNOPQRSTUVWXYZ?"));
	if (result != SNTP_SHORT) {
		/* The octets after the header (an extension, a signature) change nothing. */
		REQUIRE(sntp_read(packet, SNTP_OCTETS, nonce, pivot, &first) == result);
		REQUIRE(memcmp(&first, &answer, sizeof answer) == 0);
	}
	if (result != SNTP_SHORT && result != SNTP_NOT_AN_ANSWER) {
		REQUIRE((packet[0] & 7) == 4 && memcmp(packet + 24, &nonce, sizeof nonce) == 0);
		/* It does not answer any other question. */
		REQUIRE(sntp_read(packet, SNTP_OCTETS, ~nonce, pivot, &first) == SNTP_NOT_AN_ANSWER);
	}
	/* Our own question is no answer. */
	sntp_question(question, nonce);
	REQUIRE(sntp_read(question, sizeof question, nonce, pivot, &first) == SNTP_NOT_AN_ANSWER);
	free(packet);
	return 0;
}
