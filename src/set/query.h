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

#include "set/edge.h"
#include "set/query_answer.h"
#include "set/request.h"

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
void query_open(struct query *query, const struct rdate_request *request, int64_t pivot, struct query_answer *answer);
void query_ask(struct query *query, struct query_answer *answer);

/* One line for the user: what went wrong, without the source's name.  TEXT has room for SIZE octets. */
void query_describe(const struct query_answer *answer, char *text, size_t size);

#endif
