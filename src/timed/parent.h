/*
 * Living under a superserver in wait mode: a tick each second, and an end when the superserver ends.
 *
 * While a helper lingers it holds the port, and a superserver that is restarted then cannot have it back.
 */
#ifndef GUESTCLOCK_PARENT_H
#define GUESTCLOCK_PARENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Starts following: SIGTERM when the parent dies (prctl(2), PR_SET_PDEATHSIG), SIGALRM each second to count ticks
 * and to end blocking calls with EINTR.  Returns 0, or an errno value; ESRCH when the parent is gone already.
 */
int parent_follow(void);

/* Seconds since parent_follow(), counted by the timer: no system call. */
uint32_t parent_ticks(void);

/*
 * Whether the parent may be init that adopted us rather than the superserver that started us: it died before we
 * could ask to be told.  A helper in doubt must not stay for good, however busy it is.
 */
bool parent_in_doubt(void);

#endif
