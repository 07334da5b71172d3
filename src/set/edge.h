/*
 * Finding the edge of a second with a source that tells whole seconds.
 *
 * Questions are sent around the moment at which the source's second is expected to turn.  Of two neighbouring
 * questions, one answered with second N - 1 or earlier and the next with N or later, the source's N began after
 * the first was sent and before the second was answered: nothing is assumed about where in the round trip the
 * source read its clock.  Both fall into one short window, so that even a clock that runs 10 % wrong moves the
 * result by less than an eighth of the window, by which it is widened.
 *
 * Times are the guest's clock, in nanoseconds; offsets are guest minus source.
 *
 * Pure: the caller asks and waits.
 */
#ifndef GUESTCLOCK_EDGE_H
#define GUESTCLOCK_EDGE_H

#include <stdbool.h>

#include "lib/interval.h"

#define EDGE_QUESTIONS 48	/* at most, in all */

struct edge {
	struct interval known;		/* what is known of the offset, … */
	nanoseconds known_at;		/* … and since when */
	struct interval expected;	/* where it is looked for: known, or wider after a miss */
	struct interval window;		/* guest times between which the next edge is expected */
	nanoseconds spacing;		/* between questions in this window */
	nanoseconds next;		/* when to send the next question */
	nanoseconds before;		/* the last question in this window that was answered before the edge, … */
	bool has_before;		/* … if there was one */
	nanoseconds shortest;		/* the shortest round trip so far */
	int64_t second;			/* the source's second that begins at the edge */
	int questions;			/* answers taken */
	int windows;			/* edges tried */
	bool settled;			/* the last edge narrowed the interval little: it will not get better */
};

/*
 * Starts from one answer: SECOND (Unix seconds, -SECONDS_MAX to SECONDS_MAX), asked at SENT and answered at RECEIVED, which
 * is not before SENT.
 */
void edge_start(struct edge *edge, nanoseconds sent, nanoseconds received, int64_t second);

/* Whether another question is worth its while; if so, edge->next says when to send it (which may be past). */
bool edge_wants_more(const struct edge *edge);

/* Takes an answer to a question. */
void edge_take(struct edge *edge, nanoseconds sent, nanoseconds received, int64_t second);

/* The offset as it is known when the guest's clock reads NOW: what was found, wider by its age. */
struct interval edge_offset(const struct edge *edge, nanoseconds now);

/* A question was lost, and the guest's clock reads NOW: on to the next window. */
void edge_missed(struct edge *edge, nanoseconds now);

#endif
