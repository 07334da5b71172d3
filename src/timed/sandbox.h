/*
 * in.timed gives up all that answering does not need.
 *
 * Sources: capabilities(7), prctl(2).  The system call filter is lib/filter.h's.
 */
#ifndef GUESTCLOCK_SANDBOX_H
#define GUESTCLOCK_SANDBOX_H

#include <stdbool.h>

/*
 * Gives up every capability, and with them the means to gain any by executing something, is not to be traced, and enters
 * the filter.  False when that failed, which is in syslog.  Nothing can be started from then on.
 */
bool sandbox_enter(void);

#endif
