/*
 * Drops the privileges that in.timed does not need for a reply.
 *
 * Sources: capabilities(7), prctl(2).  lib/filter.h has the system call filter.
 */
#ifndef GUESTCLOCK_SANDBOX_H
#define GUESTCLOCK_SANDBOX_H

#include <stdbool.h>

/*
 * Drops every capability.  Forbids that execve(2) gives new ones (no_new_privs), and that other processes of this user
 * trace this one (PR_SET_DUMPABLE).  Unless --no-filter is given, enters FILTER_SERVER, which forbids this process to
 * start a program.  Returns false if a step failed, after a line in syslog.
 */
bool sandbox_enter(void);

#endif
