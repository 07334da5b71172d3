/*
 * Asking a time source: RFC 868 over TCP or UDP, the edge of its second, SNTP.
 *
 * In two halves, so that privileges can be dropped in between: timeclient_open() looks names up and makes every
 * socket that may be needed; timeclient_ask() reads what a source sends, with no call but send, receive, poll and
 * clock_gettime.
 *
 * Offsets are guest minus source, in nanoseconds.
 */
#ifndef GUESTCLOCK_QUERY_H
#define GUESTCLOCK_QUERY_H

#include <stdint.h>

#include "lib/filter.h"
#include "lib/interval.h"
#include "lib/peer.h"
#include "set/edge.h"
#include "set/request.h"

enum outcome {
	OUTCOME_ANSWERED,
	OUTCOME_NO_ADDRESS,	/* the name has no address; error: an EAI_ value */
	OUTCOME_UNREACHABLE,	/* no connection; error: errno */
	OUTCOME_TIMEOUT,	/* no, or no whole, answer in time */
	OUTCOME_CLOSED,		/* closed without a byte: RFC 868's way to say that it has no time, or denied */
	OUTCOME_SHORT,		/* 1 to 3 octets and the end (SNTP: fewer than 48); error: how many */
	OUTCOME_LONG,		/* more than 4 octets; error: how many, 5 for 5 or more */
	OUTCOME_BROKEN,		/* the connection failed after it was made; error: errno */
	OUTCOME_KISS,		/* SNTP kiss-o'-death; the code is in text */
	OUTCOME_UNSYNCHRONISED,	/* SNTP: the server says that it is */
	OUTCOME_NONSENSE,	/* SNTP: times that contradict each other */
	OUTCOME_FAILED,		/* this side failed; error: errno */
	OUTCOMES
};

/* A fixed size and no pointers: it goes through a pipe from the process that asks to the one that sets. */
struct answer {
	uint32_t outcome;		/* enum outcome */
	int32_t error;
	struct interval offset;		/* where answered */
	nanoseconds source_time;	/* the source's time: the whole second it sent, or SNTP's transmit time */
	nanoseconds delay;		/* the round trip, by the guest's clock */
	char source[PEER_TEXT];		/* the address asked, where there is one */
	char text[8];			/* SNTP's kiss code */
	struct filter_missed missed[FILTER_MISSED];	/* for the log, which the process that asks cannot reach */
};

#define TIMECLIENT_SOCKETS (EDGE_QUESTIONS + 1)

struct timeclient {
	const struct rdate_request *request;
	int64_t pivot;			/* for eras: Unix seconds */
	nanoseconds deadline;		/* by sysclock_elapsed() */
	nanoseconds connecting;		/* the guest's clock when the connection was begun (TCP) */
	int sockets[TIMECLIENT_SOCKETS];	/* connected; one for each question, so that no answer is mistaken */
	int count;
	int used;
};

/* Both fill ANSWER on failure; the outcome is OUTCOME_ANSWERED after success. */
void timeclient_open(struct timeclient *client, const struct rdate_request *request, int64_t pivot,
    struct answer *answer);
void timeclient_ask(struct timeclient *client, struct answer *answer);

/* One line for the user: what went wrong, without the source's name.  TEXT has room for SIZE octets. */
void outcome_describe(const struct answer *answer, char *text, size_t size);

#endif
