/*
 * System call filters: what each process may still ask of the kernel.
 *
 * Source: seccomp(2).  The filters are made when the program is built (mkfilter.c, libseccomp), so that nothing has to be
 * computed, or loaded, when it runs.  Any other call kills the process, but for those that a library tries and can do
 * without: they fail.
 */
#ifndef GUESTCLOCK_FILTER_H
#define GUESTCLOCK_FILTER_H

enum filter {
	FILTER_RESOLVER,	/* the asker before that: names to look up, sockets to make, files to read, a filter to enter */
	FILTER_ASKER,		/* talks to a time source: sockets that are there already, no clock, no files */
	FILTER_SETTER,		/* sets: the clock, its own descriptors, no new socket, no new file */
	FILTER_SERVER		/* in.timed: its sockets, files to read, names to look up; sets and starts nothing */
};

/* Enters FILTER, for good; it needs no_new_privs.  0, or an errno value. */
int filter_enter(enum filter filter);

#endif
