/*
 * Asking a time source: RFC 868 over TCP or UDP, the edge of its second, SNTP.
 *
 * There are two halves, so that the asking process can enter its last filter in between.  query_open() looks up the
 * source's name and makes every socket that may be needed.  query_ask() reads what a source sends; it only sends,
 * receives, polls, reads clocks and calls getrandom(2).
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
	int64_t pivot;			/* Unix seconds; decides the era of the answer: the NEAR of rfc868_nearest() */
	nanoseconds deadline;		/* by sysclock_elapsed() */
	nanoseconds connecting;		/* the guest's clock when the connection was started (TCP) */
	int sockets[QUERY_SOCKETS];	/* connected; one per question, so that an answer fits only its question */
	int count;
	int used;
};

/*
 * Both set the outcome of ANSWER: on success, QUERY_ANSWERED.  Call query_ask() only after query_open() has succeeded.
 * REQUEST must stay valid until query_ask() returns.
 */
void query_open(struct query *query, const struct rdate_request *request, int64_t pivot, struct query_answer *answer);
void query_ask(struct query *query, struct query_answer *answer);

/* Writes into TEXT, of SIZE octets, one line for the user: what went wrong, without the source's name. */
void query_describe(const struct query_answer *answer, char *text, size_t size);

#endif
