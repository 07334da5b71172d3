/*
 * Drops the privileges that in.timed does not need for a reply.
 *
 * Sources: capabilities(7), prctl(2).  lib/filter.h has the system call filter.
 */
#ifndef GUESTCLOCK_SANDBOX_H
#define GUESTCLOCK_SANDBOX_H

#include <stdbool.h>

/*
 * Drops every capability, forbids new ones at execve(2) and tracing by other processes (no_new_privs, PR_SET_DUMPABLE),
 * and enters the filter, which forbids this process to start a program.  False if a step failed, after a line in
 * syslog.
 */
bool sandbox_enter(void);

#endif
