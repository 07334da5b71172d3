/*
 * What the process that asks a time source answers to the process that sets the clock.
 *
 * They exchange one struct query_answer through a pipe.  The process that sets the clock checks all of it: the other one has
 * read what a time source sent.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_QUERY_ANSWER_H
#define GUESTCLOCK_QUERY_ANSWER_H

#include <stdbool.h>

#include "lib/filter.h"
#include "lib/interval.h"
#include "lib/peer.h"

enum query_outcome {
	QUERY_ANSWERED,
	QUERY_NO_ADDRESS,	/* the name has no address; error: an EAI_ value */
	QUERY_UNREACHABLE,	/* no connection; error: errno */
	QUERY_TIMEOUT,	/* no, or no whole, answer in time */
	QUERY_CLOSED,		/* closed without a byte: RFC 868's way to say that it has no time, or denied */
	QUERY_SHORT,		/* 1 to 3 octets and the end (SNTP: fewer than 48); error: how many */
	QUERY_LONG,		/* more than 4 octets; error: how many, 5 for 5 or more */
	QUERY_BROKEN,		/* the connection failed after it was made; error: errno */
	QUERY_KISS,		/* SNTP kiss-o'-death; the code is in text */
	QUERY_UNSYNCHRONISED,	/* SNTP: the server says that it is */
	QUERY_NONSENSE,	/* SNTP: times that contradict each other */
	QUERY_FAILED,		/* this side failed; error: errno */
	QUERY_OUTCOMES
};

/* A fixed size and no pointers: it goes through a pipe from the process that asks to the one that sets. */
struct query_answer {
	uint32_t outcome;		/* enum query_outcome */
	int32_t error;
	struct interval offset;		/* where answered */
	nanoseconds source_time;	/* the source's time: the whole second it sent, or SNTP's transmit time */
	nanoseconds delay;		/* the round trip, by the guest's clock */
	char source[PEER_TEXT];		/* the address asked, where there is one */
	char text[8];			/* SNTP's kiss code */
	struct filter_missed missed[FILTER_MISSED];	/* for the log, which the process that asks cannot reach */
};

/*
 * Whether ANSWER is one: a known outcome; an offset whose ends are in order and whose width fits into nanoseconds; no
 * negative delay; texts that are ended and printable, since they go to the client.  ERROR and MISSED may be any numbers.
 */
bool query_answer_valid(const struct query_answer *answer);

#endif
