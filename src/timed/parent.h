/*
 * The link to the superserver in wait mode: a tick each second, and the end of this process when the superserver ends.
 *
 * Danger: while this process lives, the socket stays open, and a restarted superserver cannot bind its port.
 */
#ifndef GUESTCLOCK_PARENT_H
#define GUESTCLOCK_PARENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From now on this process gets SIGTERM when its parent dies (prctl(2), PR_SET_PDEATHSIG), and SIGALRM each second,
 * which counts a tick and ends a blocking call with EINTR.  Returns 0 or an errno value; ESRCH: the
 * parent died during this call.
 */
int parent_follow(void);

/* The ticks since parent_follow(), of a second each; may wrap.  This makes no system call. */
uint32_t parent_ticks(void);

/*
 * Whether the parent may be init, which adopted us, instead of the superserver that started us: it may have died before
 * parent_follow(), and then no SIGTERM comes.  A process in doubt must end after a limited time, even if it is busy.
 */
bool parent_in_doubt(void);

#endif
