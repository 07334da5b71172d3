/*
 * SNTP (RFC 4330; RFC 5905, section 14): one question of 48 octets, one answer.
 *
 * The question carries a random number in the field for the client's transmit time.  The server returns it as the
 * originate time, which shows that the answer is to this question.  The question does not reveal this machine's time.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_SNTP_H
#define GUESTCLOCK_SNTP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/nstime.h"

#define SNTP_PORT 123
#define SNTP_OCTETS 48

enum sntp_result {
	SNTP_OK,
	SNTP_SHORT,		/* fewer than 48 octets */
	SNTP_NOT_AN_ANSWER,	/* wrong mode or version, or does not return our random number: ignore it and wait on */
	SNTP_KISS,		/* kiss-o'-death: stratum 0 and a code; the server refuses to answer */
	SNTP_UNSYNCHRONISED,	/* the server says so, or its root distance is more than 16 s */
	SNTP_NONSENSE		/* the server's times contradict each other or are missing */
};

struct sntp_answer {
	nanoseconds received, sent;	/* the server's clock when our question arrived and when its answer left */
	nanoseconds distance;		/* the server's own error bound: root dispersion plus half the root delay */
	char kiss[5];			/* the code, with SNTP_KISS */
};

/* Writes a question; NONCE is random and not zero. */
void sntp_question(uint8_t out[SNTP_OCTETS], uint64_t nonce);

/*
 * Parses an answer of LENGTH octets to the question with NONCE.  PIVOT (Unix seconds, 1970 to 2193) decides the era of
 * its times: it is the NEAR of rfc868_nearest().
 */
enum sntp_result sntp_read(const uint8_t *in, size_t length, uint64_t nonce, int64_t pivot, struct sntp_answer *answer);

#endif
