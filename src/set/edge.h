/*
 * Finding the edge of a second with a source that sends whole seconds.
 *
 * The caller sends questions around the moment at which the source's second is expected to change.  If one question is
 * answered with second N - 1 or earlier, and the next one with N or later, the source's second N began after the first
 * was sent and before the second was answered.  This assumes nothing about when in the round trip the source read its
 * clock.  Both questions fall into one short window, so that even a clock that runs 10 % wrong moves the result by less
 * than an eighth of the window.  The result is widened by that eighth.
 *
 * Times are the guest's clock, in nanoseconds; offsets are guest minus source.
 *
 * Pure: the caller asks and waits.
 */
#ifndef GUESTCLOCK_EDGE_H
#define GUESTCLOCK_EDGE_H

#include <stdbool.h>

#include "lib/offset_interval.h"

#define EDGE_QUESTIONS 48	/* at most, in all */

struct edge {
	struct interval known;		/* the offset found so far */
	nanoseconds known_at;		/* when it was measured */
	struct interval expected;	/* where to search for it: known, or wider after a miss */
	struct interval window;		/* guest times between which the next edge is expected */
	nanoseconds spacing;		/* between questions in this window */
	nanoseconds next;		/* when to send the next question */
	nanoseconds before;		/* when the last question before the edge was sent in this window */
	bool has_before;		/* before is valid */
	nanoseconds shortest;		/* the shortest round trip so far */
	int64_t second;			/* the source's second that begins at the edge */
	int questions;			/* answers received */
	int windows;			/* edges tried */
	bool settled;			/* the last edge hardly narrowed the interval: it will not improve */
};

/*
 * Starts from one answer: SECOND (Unix seconds, -SECONDS_MAX to SECONDS_MAX), asked at SENT and answered at RECEIVED,
 * which is not before SENT.
 */
void edge_start(struct edge *edge, nanoseconds sent, nanoseconds received, int64_t second);

/* Whether another question is worthwhile.  If so, edge->next is the time to send it, which may be past. */
bool edge_wants_more(const struct edge *edge);

/* Evaluates the answer to a question: asked at SENT and answered at RECEIVED with SECOND. */
void edge_take(struct edge *edge, nanoseconds sent, nanoseconds received, int64_t second);

/* The offset when the guest's clock reads NOW: the last interval found, widened for its age. */
struct interval edge_offset(const struct edge *edge, nanoseconds now);

/* Plans the window around the first edge that can still be caught at NOW.  For the caller after a lost question. */
void edge_plan(struct edge *edge, nanoseconds now);

#endif
