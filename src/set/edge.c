/* Finding the edge of a second: see edge.h. */
#include "set/edge.h"

/* Questions inside a window (each edge that is found narrows the interval to about a seventh), and the most windows. */
#define PER_WINDOW 8
#define WINDOWS 8
/* The least time between questions: closer questions would only queue behind each other. */
#define SPACING_MIN (50 * NS_PER_MICROSECOND)
/* How far the edge may move in a second: enough for a clock 200 ppm wrong.  For a worse clock, the search widens. */
#define DRIFT_ALLOWANCE (200 * NS_PER_MICROSECOND)
/* How much to widen the search after a missed edge: see edge_take(). */
#define SEARCH (10 * NS_PER_MILLISECOND)
/* A divisor: an eighth of a span of the guest's time covers a clock that runs 10 % wrong either way. */
#define WINDOW_DRIFT 8

void
edge_plan(struct edge *edge, nanoseconds now)
{
	struct interval expected = interval_widened(edge->expected, DRIFT_ALLOWANCE);
	nanoseconds width;

	edge->second = seconds_floor(ns_subtract(now, expected.low)) + 1;
	edge->window.low = ns_add(ns_from_seconds(edge->second), expected.low);
	edge->window.high = ns_add(ns_from_seconds(edge->second), expected.high);
	width = ns_subtract(edge->window.high, edge->window.low);
	edge->spacing = width / (PER_WINDOW + 1) > SPACING_MIN ? width / (PER_WINDOW + 1) : SPACING_MIN;
	edge->next = edge->window.low;
	edge->has_before = false;
	edge->windows++;
}

void
edge_start(struct edge *edge, nanoseconds sent, nanoseconds received, int64_t second)
{
	*edge = (struct edge){
		.known = interval_measured(sent, received, ns_from_seconds(second), ns_from_seconds(second + 1)),
		.known_at = received, .shortest = ns_magnitude(ns_subtract(received, sent)), .questions = 1
	};
	edge->expected = edge->known;
	/* The edge may come at any moment of the next second: ask throughout it. */
	edge->before = sent;
	edge->has_before = true;
	edge->second = second + 1;
	edge->window.low = sent;
	edge->window.high = ns_add(received, NS_PER_SECOND);
	edge->spacing = NS_PER_SECOND / (PER_WINDOW + 1);
	edge->next = ns_add(sent, edge->spacing);
	edge->windows = 1;
}

bool
edge_wants_more(const struct edge *edge)
{
	nanoseconds width = ns_subtract(edge->known.high, edge->known.low);

	return !edge->settled && edge->questions < EDGE_QUESTIONS && edge->windows <= WINDOWS &&
	    width > ns_add(ns_multiply(edge->shortest, 3), 10 * SPACING_MIN);
}

void
edge_take(struct edge *edge, nanoseconds sent, nanoseconds received, int64_t second)
{
	nanoseconds delay = ns_magnitude(ns_subtract(received, sent));

	edge->questions++;
	if (delay < edge->shortest)
		edge->shortest = delay;
	if (second < edge->second) {
		edge->before = sent;
		edge->has_before = true;
		edge->next = ns_add(sent, edge->spacing);
		/* The window is over without the edge: the guest's clock runs wrong.  Search on, and double the spacing each time. */
		if (sent > edge->window.high)
			edge->spacing = ns_multiply(edge->spacing, 2);
		return;
	}
	if (edge->has_before && second == edge->second) {
		nanoseconds turn = ns_from_seconds(second);
		struct interval found = interval_measured(edge->before, received, turn, turn);
		nanoseconds width = ns_subtract(found.high, found.low);

		edge->settled = edge->windows > 2 && width > ns_subtract(edge->known.high, edge->known.low) / 4 * 3;
		/* Use the newest interval even if it is wider: the clock may have run wrong since the earlier ones. */
		edge->known = edge->expected = interval_widened(found, width / WINDOW_DRIFT);
		edge->known_at = received;
	} else {
		nanoseconds late = ns_subtract(sent, edge->next);

		/*
		 * Missed: the edge came before the window's first question, or another edge has followed it.  If the
		 * question was sent in time, the clock runs wrong: widen the search by its own width and SEARCH.  If
		 * it was sent late, this machine is busy: widen the search by as much as it was late, at most SEARCH.
		 */
		edge->expected = interval_widened(edge->expected, late < edge->spacing ?
		    ns_add(ns_subtract(edge->expected.high, edge->expected.low), SEARCH) : late < SEARCH ? late : SEARCH);
	}
	edge_plan(edge, received);
}

struct interval
edge_offset(const struct edge *edge, nanoseconds now)
{
	return interval_widened(edge->known, ns_magnitude(ns_subtract(now, edge->known_at)) / WINDOW_DRIFT);
}
