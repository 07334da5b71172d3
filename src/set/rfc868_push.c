/* rfc868: reads the time that the host pushes, and corrects the clock. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/rfc868.h"
#include "lib/sysclock.h"
#include "lib/text.h"
#include "set/correct.h"
#include "set/outcome.h"
#include "set/perform.h"

/* How long to wait for the four octets.  Has no effect if the guest's timers do not run. */
#define PUSH_TIMEOUT (10 * NS_PER_SECOND)

/*
 * The assumed greatest age of a pushed time when it arrives.  The host reads its clock when its pipeline starts, and an
 * ssh session takes 0.1 to 0.6 s to set up.  The four octets do not show that delay.
 */
#define PUSH_TRANSIT NS_PER_SECOND

/* Reads the four octets, within PUSH_TIMEOUT.  Does not wait for the end of the input.  Reports every failure. */
static enum status
read_octets(uint8_t octets[RFC868_OCTETS + 1])
{
	nanoseconds end = sysclock_elapsed() + PUSH_TIMEOUT;
	size_t got = 0;

	while (got <= RFC868_OCTETS) {
		struct pollfd polls[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = STDOUT_FILENO, .events = 0 } };
		/* When all octets are there, look once, without waiting, whether there are more. */
		nanoseconds left = got < RFC868_OCTETS ? end - sysclock_elapsed() : 0;
		int ready = poll(polls, 2, left > 0 ? (int)(left / NS_PER_MILLISECOND) + 1 : 0);
		ssize_t now = ready;

		if (ready >= 0 && polls[0].revents == 0) {
			if (got == RFC868_OCTETS || (polls[1].revents & (POLLERR | POLLHUP)) != 0)
				break;
			if (left <= 0)
				return outcome_fail("rfc868: %zu octet%s on standard input in 10 s: expected 4", got, PLURAL(got));
			continue;
		}
		if (ready > 0)
			now = read(STDIN_FILENO, octets + got, RFC868_OCTETS + 1 - got);
		if (now < 0 && errno != EINTR && errno != EAGAIN)
			return outcome_fail("rfc868: cannot read standard input: %s", strerror(errno));
		if (now == 0)
			break;
		if (now > 0)
			got += (size_t)now;
	}
	if (got < RFC868_OCTETS)
		return outcome_usage("rfc868: %zu octet%s on standard input: expected 4", got, PLURAL(got));
	if (got > RFC868_OCTETS)
		return outcome_usage("rfc868: more than 4 octets on standard input: expected 4");
	return STATUS_DONE;
}

enum status
perform_rfc868(const struct set_options *options)
{
	struct correction result = { .offset = 0 };
	uint8_t octets[RFC868_OCTETS + 1];
	struct interval offset;
	struct guest_clock run;
	struct clock_reading received;
	int64_t second;
	enum status status = perform_prepare(options, !options->dry_run, &run);

	if (status == STATUS_DONE)
		status = perform_confine(!options->dry_run);
	if (status == STATUS_DONE)
		status = read_octets(octets);
	if (status != STATUS_DONE)
		return status;
	received = sysclock_read();
	second = rfc868_decode(octets, set_options_pivot(options));
	offset = interval_measured(received.real, received.real, ns_from_seconds(second),
	    ns_add(ns_from_seconds(second + 1), PUSH_TRANSIT));
	status = correct_clock(&received, offset, 0, SYSCLOCK_SLEW_BELOW, options, &run, &result);
	if (status == STATUS_DONE && options->dry_run)
		correct_print(&result, options, "standard input");
	return perform_finish(status, options->dry_run);
}
