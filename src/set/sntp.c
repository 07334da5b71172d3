/* SNTP: see sntp.h. */
#include "set/sntp.h"

#include <string.h>

#include "lib/rfc868.h"

/* Offsets of the fields (RFC 5905, figure 8). */
enum { LI_VN_MODE = 0, STRATUM = 1, ROOT_DELAY = 4, ROOT_DISPERSION = 8, REFERENCE_ID = 12, ORIGINATE = 24,
	RECEIVE = 32, TRANSMIT = 40 };

#define VERSION 4
#define MODE_CLIENT 3
#define MODE_SERVER 4
#define LEAP_UNSYNCHRONISED 3
#define STRATUM_MAX 15

static uint32_t
read_32(const uint8_t *in)
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | (uint32_t)in[3];
}

static nanoseconds
read_time(const uint8_t *in, int64_t pivot)
{
	uint64_t fraction = read_32(in + 4);

	/* The sum fits: PIVOT is before 2194-01-02, and the time is within 2^31 seconds of it: before 2262-01-22. */
	return rfc868_nearest(read_32(in), pivot) * NS_PER_SECOND + (nanoseconds)(fraction * (uint64_t)NS_PER_SECOND >> 32);
}

/* 16 bits of seconds and 16 of fraction; rounded up, because it is part of a bound. */
static nanoseconds
read_short(const uint8_t *in)
{
	return (nanoseconds)(((uint64_t)read_32(in) * (uint64_t)NS_PER_SECOND + 0xffff) >> 16);
}

void
sntp_question(uint8_t out[SNTP_OCTETS], uint64_t nonce)
{
	memset(out, 0, SNTP_OCTETS);
	out[LI_VN_MODE] = VERSION << 3 | MODE_CLIENT;
	memcpy(out + TRANSMIT, &nonce, sizeof nonce);
}

enum sntp_result
sntp_read(const uint8_t *in, size_t length, uint64_t nonce, int64_t pivot, struct sntp_answer *answer)
{
	static const uint8_t unknown[8];
	unsigned leap, version, mode;

	memset(answer, 0, sizeof *answer);
	if (length < SNTP_OCTETS)
		return SNTP_SHORT;
	leap = in[LI_VN_MODE] >> 6;
	version = in[LI_VN_MODE] >> 3 & 7;
	mode = in[LI_VN_MODE] & 7;
	if (mode != MODE_SERVER || version < 1 || version > VERSION || memcmp(in + ORIGINATE, &nonce, sizeof nonce) != 0)
		return SNTP_NOT_AN_ANSWER;
	if (in[STRATUM] == 0) {
		for (int at = 0; at < 4; at++) {
			uint8_t octet = in[REFERENCE_ID + at];

			answer->kiss[at] = (char)(octet >= 'A' && octet <= 'Z' ? octet : '?');
		}
		return SNTP_KISS;
	}
	answer->distance = read_short(in + ROOT_DISPERSION) + (read_short(in + ROOT_DELAY) + 1) / 2;
	if (leap == LEAP_UNSYNCHRONISED || in[STRATUM] > STRATUM_MAX || answer->distance > 16 * NS_PER_SECOND)
		return SNTP_UNSYNCHRONISED;
	/* Zero is a legal second once in an era, but 64 zero bits mean "unknown" in NTP. */
	if (memcmp(in + RECEIVE, unknown, sizeof unknown) == 0 || memcmp(in + TRANSMIT, unknown, sizeof unknown) == 0)
		return SNTP_NONSENSE;
	answer->received = read_time(in + RECEIVE, pivot);
	answer->sent = read_time(in + TRANSMIT, pivot);
	return answer->sent >= answer->received ? SNTP_OK : SNTP_NONSENSE;
}
