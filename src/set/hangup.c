/* Noticing that the client has gone: see hangup.h. */
#include "set/hangup.h"

#include <errno.h>
#include <unistd.h>

#include "lib/sysclock.h"

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

void
hangup_look(struct hangup *hangup)
{
	struct pollfd polls[HANGUP_POLLS];

	hangup_polls(hangup, polls);
	if (poll(polls, HANGUP_POLLS, 0) > 0)
		hangup_seen(hangup, polls);
}
