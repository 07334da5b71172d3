/*
 * Messages to the service manager: sd_notify(3), without its library.  Without a service manager nothing is sent.
 */
#ifndef GUESTCLOCK_NOTIFY_H
#define GUESTCLOCK_NOTIFY_H

#include "lib/nstime.h"

/*
 * Takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment, so that ssh does not get them.  Returns how often the
 * service manager expects "WATCHDOG=1", or 0: never.
 */
nanoseconds notify_start(void);

/* Sends TEXT: assignments such as "READY=1", one on each line. */
void notify_send(const char *text);

#endif
