/*
 * Holding as little privilege as the next step needs, and never getting any back.
 *
 * Sources: capabilities(7), prctl(2).  System call filters: lib/filter.h.  Functions that return int return 0 or an errno
 * value.
 */
#ifndef GUESTCLOCK_PRIVILEGE_H
#define GUESTCLOCK_PRIVILEGE_H

#include <stdbool.h>

/* Whether this process may have CAP_SYS_TIME. */
bool privilege_may_set_clock(void);

/* No core files, no ptrace by the same user, no new privileges by executing anything, umask 077.  Called first. */
int privilege_enclose(void);

/*
 * No new descriptor, process or megabyte, and with NOT_EVEN_FILES no octet into a file: the filter's word again, in case
 * it has a gap.  Called when all that is needed is there, before the filter is entered.
 *
 * There is no limit on processor time: a guest that was paused may be charged for the pause.
 */
int privilege_limit(bool not_even_files);

/* Keeps CAP_SYS_TIME alone (KEEP_CLOCK), or nothing: permitted, effective, inheritable, ambient and bounding sets. */
int privilege_reduce(bool keep_clock);

#endif
