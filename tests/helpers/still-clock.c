/*
 * still-clock [SECONDS]: makes time stand still by setting the same time every millisecond, until it is killed or
 * SECONDS (default 600) of the monotonic clock have passed.  It is for the test guest only: without the guest's marker
 * file it refuses to run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MARKER "/etc/guestclock-test-guest"

int main(int argc, char **argv)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	long seconds = argc > 1 ? atol(argv[1]) : 600;
	struct timespec still, start, now;

	if (access(MARKER, F_OK) != 0) {
		fprintf(stderr, "still-clock: no %s here: this is not the test guest, its clock is left alone\n", MARKER);
		return 111;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	clock_gettime(CLOCK_REALTIME, &still);
	do {
		if (clock_settime(CLOCK_REALTIME, &still) < 0) {
			fprintf(stderr, "still-clock: clock_settime: %s\n", strerror(errno));
			return 111;
		}
		nanosleep(&millisecond, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < seconds);
	return 0;
}
