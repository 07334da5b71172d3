/*
 * Holding only the privileges that the next step needs, and never regaining any.
 *
 * Sources: capabilities(7), prctl(2).  System call filters: lib/filter.h.  Functions that return int return 0 or an
 * errno value.
 */
#ifndef GUESTCLOCK_PRIVILEGE_H
#define GUESTCLOCK_PRIVILEGE_H

#include <stdbool.h>

/* Whether CAP_SYS_TIME is in this process's permitted set. */
bool privilege_may_set_clock(void);

/* Forbids core files, ptrace by the same user and new privileges by execve(2), and sets umask 077.  Call this first. */
int privilege_enclose(void);

/*
 * Sets resource limits as a second line behind the filter, in case the filter has a gap: no new descriptor, no new
 * process (the kernel exempts root), at most 64 MiB of address space and, with NOT_EVEN_FILES, no output into a file.
 * Call it when all descriptors are open, before the last filter_enter().
 *
 * There is no limit on processor time: a guest's kernel may charge this process for the time while the guest was
 * paused.
 */
int privilege_limit(bool not_even_files);

/*
 * Drops all capabilities from all sets (permitted, effective, inheritable, ambient, bounding).  With KEEP_CLOCK,
 * CAP_SYS_TIME stays permitted and effective.  The bounding set changes only if the process has CAP_SETPCAP.
 */
int privilege_reduce(bool keep_clock);

/*
 * For a child that parses what comes from the network: drops all capabilities as privilege_reduce() does.  A process of
 * root also becomes user and group nobody, without further groups.  Where the user namespace lacks the group nobody,
 * user and groups stay: the root of such a namespace cannot set the clock anyway.
 */
int privilege_leave(void);

#endif
