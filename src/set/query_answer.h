/*
 * The answer that the asking process sends to the process that sets the clock.
 *
 * It is one struct query_answer in a pipe.  The process that sets the clock checks it, because the asking process
 * has read what a time source sent.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_QUERY_ANSWER_H
#define GUESTCLOCK_QUERY_ANSWER_H

#include <stdbool.h>

#include "lib/filter.h"
#include "lib/offset_interval.h"
#include "lib/peer.h"

enum query_outcome {
	QUERY_ANSWERED,
	QUERY_NO_ADDRESS,	/* the name has no address; error: an EAI_ value */
	QUERY_UNREACHABLE,	/* no connection; error: errno */
	QUERY_TIMEOUT,	/* no complete answer in time; error: octets received (TCP) */
	QUERY_CLOSED,		/* closed before any octet (TCP): the server has no time (RFC 868), or denies us */
	QUERY_SHORT,		/* too few octets (TCP: 1 to 3; UDP: 0 to 3; SNTP: 0 to 47); error: how many */
	QUERY_LONG,		/* RFC 868: more than 4 octets; error: how many (TCP: 5 for 5 or more) */
	QUERY_BROKEN,		/* the connection failed after it was made; error: errno */
	QUERY_KISS,		/* SNTP kiss-o'-death; the code is in text */
	QUERY_UNSYNCHRONISED,	/* SNTP: the server's clock is not synchronised (SNTP_UNSYNCHRONISED) */
	QUERY_NONSENSE,	/* SNTP: times that contradict each other or are missing */
	QUERY_FAILED,		/* the asking process failed; error: errno */
	QUERY_OUTCOMES
};

/* Of fixed size and without pointers, because it goes through a pipe. */
struct query_answer {
	uint32_t outcome;		/* enum query_outcome */
	int32_t error;
	struct interval offset;		/* valid if answered */
	nanoseconds source_time;	/* the source's time: the whole second it sent, or SNTP's transmit time */
	nanoseconds delay;		/* the round-trip delay, by the guest's clock; with -e, the shortest */
	char source[PEER_TEXT];		/* the address asked, or empty */
	char text[8];			/* SNTP's kiss code */
	struct filter_missed missed[FILTER_MISSED];	/* for the log, which the asking process cannot reach */
};

/*
 * Whether ANSWER is valid: a known outcome; an offset whose ends are in order and whose width fits into nanoseconds; a
 * delay that is not negative; texts that end in NUL and are printable, because they go to the client.  The members
 * error, source_time and missed may be any numbers.
 */
bool query_answer_valid(const struct query_answer *answer);

#endif
