/*
 * System call filters: which calls each process may still make.
 *
 * Source: seccomp(2).  mkfilter.c makes the filters when the program is built (libseccomp), so that nothing has to be
 * computed, or loaded, when it runs.  A dangerous call ends the process by SIGSYS.  A call that the filter neither allows
 * nor holds dangerous fails with ENOSYS, and is noted here.
 */
#ifndef GUESTCLOCK_FILTER_H
#define GUESTCLOCK_FILTER_H

#include <stdbool.h>
#include <stdint.h>

enum filter {
	FILTER_RESOLVER,	/* the asker before that: names to look up, sockets to make, files to read, a filter to enter */
	FILTER_ASKER,		/* talks to a time source: sockets that are there already, no clock, no files */
	FILTER_SETTER,		/* sets: the clock, its own descriptors, no new socket, no new file */
	FILTER_SERVER		/* in.timed: its sockets, files to read, names to look up; sets and starts nothing */
};

/* From now on filter_enter() does nothing and succeeds: the administrator's --no-filter. */
void filter_disable(void);

/*
 * Enters FILTER, for good; it needs no_new_privs.  0, or an errno value, of which filter_describe() makes a line for the
 * administrator in TEXT.  It takes SIGSYS.
 */
int filter_enter(enum filter filter);
#define FILTER_TEXT 192
void filter_describe(int error, char text[FILTER_TEXT]);

/* The most different calls that are noted in one process. */
#define FILTER_MISSED 4

struct filter_missed {
	uint32_t times;		/* how often it has failed so far; 0: nothing is noted here */
	int32_t call;		/* its number, on this architecture */
};

/* A call that failed because no filter lists it.  False when there is none that this has not returned before. */
bool filter_next_missed(struct filter_missed *missed);

/* The line for the log. */
#define FILTER_MISSED_FORMAT \
	"system call %d is not in the filter of this program: it failed with ENOSYS, %u time%s so far; please report"

#endif
