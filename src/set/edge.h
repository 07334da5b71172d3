/*
 * Finding the edge of a second with a source that sends whole seconds.
 *
 * The caller sends questions around the moment at which the source's second is expected to change.  If one question is
 * answered with second N - 1 or earlier, and the next one with N, the source's second N began after the first question
 * was sent and before the second was answered.  This assumes nothing about when in the round trip the source read its
 * clock.  A clock that runs 10 % wrong moves the result by less than an eighth of the time between these two moments.
 * The result is widened by that eighth.
 *
 * Times are readings of the guest's clock, in nanoseconds; offsets are guest minus source.
 *
 * Pure: the caller asks and waits.
 */
#ifndef GUESTCLOCK_EDGE_H
#define GUESTCLOCK_EDGE_H

#include <stdbool.h>

#include "lib/offset_interval.h"

#define EDGE_QUESTIONS 48	/* the most questions that are answered */

struct edge {
	struct interval known;		/* the offset found so far */
	nanoseconds known_at;		/* when it was measured */
	struct interval expected;	/* the offset to search for: known, or wider after a missed edge */
	struct interval window;		/* guest times between which the next edge is expected */
	nanoseconds spacing;		/* between questions in this window */
	nanoseconds next;		/* when to send the next question */
	nanoseconds before;		/* when this window's last question before the edge was sent */
	bool has_before;		/* before is valid */
	nanoseconds shortest;		/* the shortest round trip so far */
	int64_t second;			/* the source's second that begins at the edge */
	int questions;			/* answers received */
	int windows;			/* windows so far */
	bool settled;			/* the last edge hardly narrowed the interval: it will not improve */
};

/*
 * Starts from one answer, SECOND (Unix seconds, -SECONDS_MAX to SECONDS_MAX).  The question was sent at SENT and the
 * answer received at RECEIVED, which is not before SENT.
 */
void edge_start(struct edge *edge, nanoseconds sent, nanoseconds received, int64_t second);

/* Whether another question is worthwhile.  If so, edge->next is the time to send it, which may have passed already. */
bool edge_wants_more(const struct edge *edge);

/* Evaluates the next answer, and plans the next question.  Parameters: see edge_start(). */
void edge_take(struct edge *edge, nanoseconds sent, nanoseconds received, int64_t second);

/* The offset when the guest's clock reads NOW: the last interval found, widened by an eighth of its age. */
struct interval edge_offset(const struct edge *edge, nanoseconds now);

/* Plans the window around the first edge that can still be caught at NOW.  Call it after a lost question. */
void edge_plan(struct edge *edge, nanoseconds now);

#endif
