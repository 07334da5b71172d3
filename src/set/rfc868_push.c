/* rfc868: reads the time that the host pushes, and corrects the clock. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/rfc868.h"
#include "lib/sysclock.h"
#include "lib/text.h"
#include "set/audit.h"
#include "set/correct.h"
#include "set/perform.h"

/* How long to wait for the four octets.  Has no effect if the guest's timers do not run. */
#define PUSH_TIMEOUT (10 * NS_PER_SECOND)

/*
 * The greatest age of a pushed time when it arrives.  The host reads it when its pipeline starts, and an ssh session
 * takes 0.1 to 0.6 s to set up.  The four octets do not show that delay.
 */
#define PUSH_TRANSIT NS_PER_SECOND

#define READ_MOST 16

enum session_read { SESSION_READ_DONE, SESSION_READ_SHORT, SESSION_READ_LONG, SESSION_READ_TIMEOUT, SESSION_READ_FAILED };

/*
 * Reads exactly COUNT octets (at most 16) from standard input, within TIMEOUT if the guest's timers run at all.  SHORT:
 * the input ended after *GOT octets.  LONG: more than COUNT octets came together.  Does not wait for the end of the
 * input.
 */
static enum session_read
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

enum status
perform_rfc868(const struct limits *limits)
{
	struct correction result = { .offset = 0 };
	uint8_t octets[RFC868_OCTETS];
	struct interval offset;
	struct clock_lock run;
	struct clock_reading received;
	int64_t second;
	size_t got;
	enum status status = perform_prepare(!limits->dry_run, &run);

	if (status == STATUS_DONE)
		status = perform_confine();
	if (status != STATUS_DONE)
		return status;
	switch (session_read_exactly(octets, sizeof octets, PUSH_TIMEOUT, &got)) {
	case SESSION_READ_DONE:
		break;
	case SESSION_READ_SHORT:
		return audit_usage("rfc868: %zu octet%s on standard input: expected 4", got, PLURAL(got));
	case SESSION_READ_LONG:
		return audit_usage("rfc868: more than 4 octets on standard input: expected 4");
	case SESSION_READ_TIMEOUT:
		return audit_fail("rfc868: %zu octet%s on standard input in 10 s: expected 4", got, PLURAL(got));
	case SESSION_READ_FAILED:
		return audit_fail("rfc868: cannot read standard input: %s", strerror(errno));
	}
	received = sysclock_read();
	second = rfc868_decode(octets, limits_pivot(limits));
	offset = interval_measured(received.real, received.real, ns_from_seconds(second),
	    ns_add(ns_from_seconds(second + 1), PUSH_TRANSIT));
	status = correct_clock(&received, offset, 0, SYSCLOCK_SLEW_BELOW, limits, &run, &result);
	if (status == STATUS_DONE && limits->dry_run)
		correct_print(&result, limits, "standard input");
	return perform_finish(status, limits->dry_run);
}
