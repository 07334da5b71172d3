/*
 * shift-clock NANOSECONDS: adds NANOSECONDS to the error of the test guest's clock, and resets its rate and state to
 * those of a clock that was never set, so that no tool profits from the one before it.  For the test guest only: it
 * refuses to run without the guest's marker file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define MARKER "/etc/guestclock-test-guest"
#define SECOND 1000000000LL

int main(int argc, char **argv)
{
	long long by = argc == 2 ? strtoll(argv[1], NULL, 10) : 0;
	struct timex shift = { .modes = ADJ_SETOFFSET | ADJ_NANO };
	struct timex fresh = { .modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS, .tick = 10000, .status = STA_UNSYNC };
	/* Cancel the rest of a slew. */
	struct timex still = { .modes = ADJ_OFFSET_SINGLESHOT };

	if (access(MARKER, F_OK) != 0) {
		fprintf(stderr, "shift-clock: no %s here: this is not the test guest, its clock is left alone\n", MARKER);
		return 111;
	}
	if (by == 0) {
		fprintf(stderr, "shift-clock: expected a number of nanoseconds\n");
		return 100;
	}
	shift.time.tv_sec = by / SECOND - (by % SECOND < 0);
	shift.time.tv_usec = by - shift.time.tv_sec * SECOND;
	if (clock_adjtime(CLOCK_REALTIME, &still) < 0 || clock_adjtime(CLOCK_REALTIME, &fresh) < 0 ||
	    clock_adjtime(CLOCK_REALTIME, &shift) < 0) {
		fprintf(stderr, "shift-clock: %s\n", strerror(errno));
		return 111;
	}
	return 0;
}
