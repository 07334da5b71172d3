/* Descriptors: see fds.h. */
#include "lib/fds.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

bool
fds_retry(int fd, short events)
{
	struct pollfd watched = { .fd = fd, .events = events };

	if (errno == EAGAIN)
		return poll(&watched, 1, -1) >= 0 || errno == EINTR;
	return errno == EINTR;
}

int
fds_write_all(int fd, const void *octets, size_t length)
{
	const char *left = octets;

	while (length > 0) {
		ssize_t now = write(fd, left, length);

		if (now < 0 && fds_retry(fd, POLLOUT))
			continue;
		if (now <= 0)
			return now < 0 ? errno : EIO;
		left += now;
		length -= (size_t)now;
	}
	return 0;
}
