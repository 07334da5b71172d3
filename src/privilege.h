/*
 * Holding as little privilege as the next step needs, and never getting any back.
 *
 * Sources: capabilities(7), prctl(2), seccomp(2).  The filters themselves are made when the program is built
 * (mkfilter.c, libseccomp), so that nothing has to be computed, or loaded, when it runs.  Functions that return int
 * return 0 or an errno value.
 */
#ifndef GUESTCLOCK_PRIVILEGE_H
#define GUESTCLOCK_PRIVILEGE_H

#include <stdbool.h>

/* Whether this process may have CAP_SYS_TIME. */
bool privilege_may_set_clock(void);

/*
 * Closes every descriptor above 2; no core files, no ptrace by the same user, no new privileges by executing
 * anything, umask 077.  Called first.
 */
int privilege_enclose(void);

/* Closes every descriptor from FIRST up. */
void privilege_close_from(int first);

/* Keeps CAP_SYS_TIME alone (KEEP_CLOCK), or nothing: permitted, effective, inheritable, ambient and bounding sets. */
int privilege_reduce(bool keep_clock);

/* The filter for the process that talks to a time source: sockets that are there already, no clock, no files. */
int privilege_filter_asker(void);

/* The filter for the process that sets: the clock, its own descriptors, no new socket, no new file. */
int privilege_filter_setter(void);

#endif
