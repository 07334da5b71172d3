/*
 * Asking a time source: RFC 868 over TCP or UDP, the edge of its second, SNTP.
 *
 * In two halves, so that privileges can be dropped in between: query_open() looks names up and makes every
 * socket that may be needed; query_ask() reads what a source sends, with no call but send, receive, poll and
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

#define QUERY_SOCKETS (EDGE_QUESTIONS + 1)

struct query {
	const struct rdate_request *request;
	int64_t pivot;			/* for eras: Unix seconds */
	nanoseconds deadline;		/* by sysclock_elapsed() */
	nanoseconds connecting;		/* the guest's clock when the connection was begun (TCP) */
	int sockets[QUERY_SOCKETS];	/* connected; one for each question, so that no answer is mistaken */
	int count;
	int used;
};

/* Both fill ANSWER on failure; the outcome is QUERY_ANSWERED after success. */
void query_open(struct query *client, const struct rdate_request *request, int64_t pivot,
    struct query_answer *answer);
void query_ask(struct query *client, struct query_answer *answer);

/* One line for the user: what went wrong, without the source's name.  TEXT has room for SIZE octets. */
void query_describe(const struct query_answer *answer, char *text, size_t size);

#endif
