/*
 * System call filters: the calls that each process may still make.
 *
 * Source: seccomp(2).  mkfilter.c generates the filters with libseccomp when the program is built, so that the program
 * itself computes nothing and loads no library for them.  mkfilter.c also describes the classes of calls.  A
 * dangerous call kills the process with SIGSYS.  A denied call fails with EACCES.  Any other call that is not allowed
 * fails with ENOSYS, and filter.c records it.  On architectures other than x86 and ARM, dangerous calls fail with
 * ENOSYS too, and no call is recorded.
 */
#ifndef GUESTCLOCK_FILTER_H
#define GUESTCLOCK_FILTER_H

#include <stdbool.h>
#include <stdint.h>

enum filter {
	FILTER_RESOLVER,	/* guestclock-set's children: name lookup, sockets (not local), reading files, next filter */
	FILTER_ASKER,		/* its asking process, after RESOLVER: existing sockets; no setting the clock, no files */
	FILTER_SETTER,		/* guestclock-set's setting process: existing descriptors; no new socket, no new file */
	FILTER_SERVER		/* in.timed: its sockets, reading files, looking up names; cannot start programs */
};

/* Makes filter_enter() do nothing and return 0 from now on: the administrator's --no-filter. */
void filter_disable(void);

/*
 * Enters FILTER, irrevocably.  The caller must have set no_new_privs (prctl(2)).  Returns 0 or an errno value;
 * filter_describe() writes TEXT, a line about it for the administrator.  The first call installs a handler for SIGSYS.
 */
int filter_enter(enum filter filter);
#define FILTER_TEXT 192
void filter_describe(int error, char text[FILTER_TEXT]);

/* How many different failed calls one process records. */
#define FILTER_MISSED 4

struct filter_missed {
	uint32_t times;		/* failures so far; 0: this entry is empty */
	int32_t call;		/* the call's number on this architecture */
};

/* Sets *MISSED to the next recorded call, which failed because the filter does not list it.  False: none is left. */
bool filter_next_missed(struct filter_missed *missed);

/* For a process that cannot log: copies the calls that filter_next_missed() has left to MISSED, which must be all zero. */
void filter_all_missed(struct filter_missed missed[FILTER_MISSED]);

/* The format of the log line: a call's number, how often it failed, and PLURAL() of that. */
#define FILTER_MISSED_FORMAT \
	"system call %d is not in the filter of this program: it failed with ENOSYS, %u time%s so far; please report"

#endif
