/*
 * The table of watch on a terminal: a line for each guest, drawn again in place.
 *
 * If there are more guests than lines, those that failed come first, then those with the largest offset.
 */
#ifndef GUESTCLOCK_SCREEN_H
#define GUESTCLOCK_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "host/record.h"

struct screen_event {
	nanoseconds time;	/* the host's clock; 0: none yet */
	char text[64];		/* such as "pause: step" */
};

struct screen {
	struct screen_event *events;	/* one for each record; NULL: no terminal */
	size_t lines;			/* of the last table */
};

void screen_start(struct screen *screen);

/* Makes room for so many events, if there is a terminal.  Returns false if memory runs out. */
bool screen_grow(struct screen *screen, size_t count);

/* Notes what happened last to the guest of RECORD. */
void screen_note(struct screen_event *event, const struct record *record);

/* Draws the table on standard output.  A record without a guest's name has no line.  NOW is the host's clock. */
void screen_draw(struct screen *screen, const struct record *records, size_t count, nanoseconds now);

#endif
