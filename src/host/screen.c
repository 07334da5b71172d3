/* The table of watch on a terminal: see screen.h. */
#include "host/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/text.h"

#define ROWS 24
#define COLUMNS 80
#define NAME_WIDTH_MOST 30
#define LINE 512

void
screen_start(struct screen *screen)
{
	screen->events = calloc(1, sizeof *screen->events);
}

bool
screen_grow(struct screen *screen, size_t count)
{
	struct screen_event *more = screen->events == NULL ? NULL : reallocarray(screen->events, count, sizeof *more);

	if (screen->events == NULL)
		return true;
	if (more == NULL)
		return false;
	screen->events = more;
	more[count - 1].time = 0;
	return true;
}

void
screen_note(struct screen_event *event, const struct record *record)
{
	const char *what = record->looked ? rate_event_names[record->verdict.event] : "none";
	bool event_known = record->looked && record->verdict.event != RATE_EVENT_NONE;

	event->time = record->time;
	if (record->result != CLIENT_DONE)
		snprintf(event->text, sizeof event->text, "%s", record_result_names[record->result]);
	else
		snprintf(event->text, sizeof event->text, "%s%s%s", event_known ? what : "",
		    event_known && record->action != ACTION_NONE ? ": " : "",
		    record->action != ACTION_NONE || !event_known ? client_action_names[record->action] : "");
}

/* For qsort(3): failures first, then the largest offset. */
static int
compare(const void *left, const void *right)
{
	const struct record *a = *(const struct record *const *)left, *b = *(const struct record *const *)right;
	bool failed_a = a->result != CLIENT_DONE, failed_b = b->result != CLIENT_DONE;
	nanoseconds offset_a = ns_magnitude(a->after.offset), offset_b = ns_magnitude(b->after.offset);

	return failed_a != failed_b ? failed_b - failed_a : (offset_a < offset_b) - (offset_a > offset_b);
}

/* Writes how long ago TIME was, in the largest unit that fits. */
static void
format_age(nanoseconds age, char text[32])
{
	long long seconds = (long long)ns_most(age / NS_PER_SECOND, 0);

	if (seconds < 120)
		snprintf(text, 32, "%lld s", seconds);
	else if (seconds < 7200)
		snprintf(text, 32, "%lld min", seconds / 60);
	else
		snprintf(text, 32, "%lld h", seconds / 3600);
}

static void
format_line(const struct record *record, const struct screen_event *event, int width, nanoseconds now, char line[LINE])
{
	char offset[SECONDS_TEXT], bound[SECONDS_TEXT], rate[SECONDS_TEXT], age[32];
	size_t used;

	if (record->result != CLIENT_DONE) {
		snprintf(line, LINE, "%-*.*s  %s: %s", width, width, record->guest, record_result_names[record->result],
		    record->text);
		return;
	}
	format_seconds(record->after.offset, offset);
	format_seconds(record->after.bound, bound);
	/* Microseconds are enough for people. */
	offset[strlen(offset) - 3] = bound[strlen(bound) - 3] = '\0';
	used = (size_t)snprintf(line, LINE, "%-*.*s  %s +- %s s", width, width, record->guest, offset, bound + 1);
	if (record->looked && record->verdict.has_rate) {
		format_rate(record->verdict.rate_ppb, rate);
		used += (size_t)snprintf(line + used, LINE - used, "  %s ppm", rate);
	}
	format_age(ns_subtract(now, event->time), age);
	if (event->time != 0)
		snprintf(line + used, LINE - used, "  %s, %s ago", event->text, age);
}

void
screen_draw(struct screen *screen, const struct record *records, size_t count, nanoseconds now)
{
	const struct record **order = malloc((count + 1) * sizeof(void *));
	struct winsize size = { .ws_row = 0 };
	size_t guests = 0, failed = 0, shown;
	int width = 0, columns = COLUMNS;
	char line[LINE];

	if (order == NULL)
		return;
	for (size_t at = 0; at < count; at++)
		if (records[at].guest[0] != '\0') {
			order[guests++] = &records[at];
			failed += records[at].result != CLIENT_DONE;
			width = (int)ns_most(width, (int64_t)strlen(records[at].guest));
		}
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	width = (int)ns_least(width, NAME_WIDTH_MOST);
	shown = (size_t)ns_least((int64_t)guests, ns_most(size.ws_row > 0 ? size.ws_row : ROWS, 3) - 2);
	if (shown < guests)
		qsort(order, guests, sizeof(void *), compare);
	/* Go back to the first line of the last table, and clear from there. */
	if (screen->lines > 0)
		printf("\033[%zuA\r\033[J", screen->lines);
	for (size_t at = 0; at < shown; at++) {
		format_line(order[at], &screen->events[order[at] - records], width, now, line);
		printf("%.*s\n", columns - 1, line);
	}
	snprintf(line, sizeof line, "%zu guests, %zu right, %zu failed%s", guests, guests - failed, failed,
	    shown < guests ? " (the worst are shown)" : "");
	printf("%.*s\n", columns - 1, line);
	screen->lines = shown + 1;
	fflush(stdout);
	free(order);
}
