/* Reads and writes that a signal may interrupt, that may transfer a part, or whose descriptor may be non-blocking. */
#ifndef GUESTCLOCK_FDS_H
#define GUESTCLOCK_FDS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether to repeat a read or write of FD that just failed with errno.  True after a signal (EINTR).  If FD was not
 * ready (EAGAIN), waits without a time limit until FD is ready for EVENTS (poll(2)) or a signal comes; then true.
 */
bool fds_retry(int fd, short events);

/* Writes all LENGTH octets to FD.  Returns 0, or an errno value (write(2), poll(2)); a part may have been written. */
int fds_write_all(int fd, const void *octets, size_t length);

#endif
