/* Noticing that the client has gone: see hangup.h. */
#include "set/hangup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/sysclock.h"

#define READ_MOST 16

void
hangup_start(struct hangup *hangup)
{
	hangup->started = sysclock_elapsed();
	/* Input from a terminal is not for this program, and reading it in the background would stop the process. */
	hangup->input_open = !isatty(STDIN_FILENO);
}

void
hangup_polls(const struct hangup *hangup, struct pollfd polls[HANGUP_POLLS])
{
	polls[0] = (struct pollfd){ .fd = hangup->input_open ? STDIN_FILENO : -1, .events = POLLIN };
	polls[1] = (struct pollfd){ .fd = STDOUT_FILENO, .events = 0 };
}

bool
hangup_seen(struct hangup *hangup, const struct pollfd polls[HANGUP_POLLS])
{
	char waste[4096];
	ssize_t got;

	if ((polls[1].revents & (POLLERR | POLLHUP)) != 0)
		return true;
	if (polls[0].fd < 0 || polls[0].revents == 0)
		return false;
	got = read(STDIN_FILENO, waste, sizeof waste);
	if (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)))
		return false;
	hangup->input_open = false;
	return sysclock_elapsed() - hangup->started >= HANGUP_GRACE;
}

enum session_read
session_read_exactly(unsigned char *into, size_t count, nanoseconds timeout, size_t *got)
{
	unsigned char room[READ_MOST + 1];
	nanoseconds end = sysclock_elapsed() + timeout;

	*got = 0;
	for (;;) {
		struct pollfd input[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = STDOUT_FILENO, .events = 0 } };
		nanoseconds left = end - sysclock_elapsed();
		ssize_t now;

		/* When all octets are there, look once, without waiting, whether there are more. */
		if (*got >= count)
			left = 0;
		now = poll(input, 2, left > 0 ? (int)(left / NS_PER_MILLISECOND) + 1 : 0);
		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return SESSION_READ_FAILED;
		if (input[0].revents == 0 && (input[1].revents & (POLLERR | POLLHUP)) != 0 && *got < count)
			return SESSION_READ_SHORT;
		if (input[0].revents == 0) {
			if (*got >= count)
				break;
			if (left <= 0)
				return SESSION_READ_TIMEOUT;
			continue;
		}
		now = read(STDIN_FILENO, room + *got, count + 1 - *got);
		if (now < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (now < 0)
			return SESSION_READ_FAILED;
		if (now == 0 && *got < count)
			return SESSION_READ_SHORT;
		if (now == 0)
			break;
		*got += (size_t)now;
		if (*got > count)
			return SESSION_READ_LONG;
	}
	memcpy(into, room, count);
	return SESSION_READ_DONE;
}
