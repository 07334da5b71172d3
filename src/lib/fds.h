/*
 * Reading and writing descriptors that signals interrupt, that accept a part, or that may be non-blocking.
 */
#ifndef GUESTCLOCK_FDS_H
#define GUESTCLOCK_FDS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether to repeat a read or write of FD that just failed, with errno.  True after a signal; also, if FD is
 * non-blocking and was not ready, after it has become ready for EVENTS (poll(2)), without a time limit.
 */
bool fds_retry(int fd, short events);

/* Writes all LENGTH octets to FD.  Returns 0 or an errno value (write(2), poll(2)); a part may then be written. */
int fds_write_all(int fd, const void *octets, size_t length);

#endif
