/* The system clock: see sysclock.h. */
#include "lib/sysclock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

/* How many pairs of clock readings are tried, and the width at which a pair is good enough. */
#define READ_PAIRS 3
#define READ_WIDTH NS_PER_MICROSECOND

static nanoseconds
read_clock(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return ns_add(ns_from_seconds(time.tv_sec), time.tv_nsec);
}

nanoseconds
sysclock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

nanoseconds
sysclock_elapsed(void)
{
	return read_clock(CLOCK_MONOTONIC_RAW);
}

struct clock_reading
sysclock_read(void)
{
	struct clock_reading best = { .width = INT64_MAX };

	/*
	 * The scheduler may interrupt this process between two readings.  Between two of the raw clock, which nobody can
	 * set, the width is true even if somebody sets the other clock at this moment.
	 */
	for (int pair = 0; pair < READ_PAIRS && best.width > READ_WIDTH; pair++) {
		nanoseconds before = sysclock_elapsed();
		struct clock_reading reading = { .real = sysclock_now() };

		reading.width = sysclock_elapsed() - before;
		reading.raw = before + reading.width / 2;
		if (reading.width < best.width)
			best = reading;
	}
	return best;
}

struct sysclock_set
sysclock_read_set(void)
{
	struct sysclock_set best = { .width = INT64_MAX };

	for (int try = 0; try < READ_PAIRS && best.width > READ_WIDTH; try++) {
		struct sysclock_set set = { .raw = sysclock_elapsed() };

		set.real = sysclock_now();
		set.boot = read_clock(CLOCK_BOOTTIME);
		set.monotonic = read_clock(CLOCK_MONOTONIC);
		set.width = sysclock_elapsed() - set.raw;
		if (set.width < best.width)
			best = set;
	}
	return best;
}

int
sysclock_boot_id(char id[SYSCLOCK_BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, id, SYSCLOCK_BOOT_ID - 1);
	int error = got < 0 ? errno : got == 0 ? ENODATA : 0;

	id[got > 0 ? got : 0] = '\0';
	id[strcspn(id, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
	return error;
}

int
sysclock_state(struct sysclock_state *state)
{
	/* This mode sets nothing.  Its offset is what is left of a slew by adjtime(3); the rest is as without a mode. */
	struct timex kernel = { .modes = ADJ_OFFSET_SS_READ };
	int result = adjtimex(&kernel);

	*state = (struct sysclock_state){ .rate_ppb = INT64_MAX };
	if (result < 0)
		return errno;
	/* TIME_ERROR also reports lost PPS signals.  Steps and settimeofday(2) set STA_UNSYNC; time services clear it. */
	state->synchronised = (kernel.status & STA_UNSYNC) == 0 && result != TIME_ERROR;
	state->maxerror = ns_multiply(kernel.maxerror, NS_PER_MICROSECOND);
	state->esterror = ns_multiply(kernel.esterror, NS_PER_MICROSECOND);
	/* The kernel keeps the frequency within 500 ppm: the product fits. */
	state->frequency_ppb = kernel.freq * INT64_C(1000) / 65536;
	state->tick_us = kernel.tick;
	/* One microsecond of a tick's 10,000 is 100 ppm. */
	state->rate_ppb = sysclock_rate_ppb(state->tick_us, state->frequency_ppb);
	state->slew_left = ns_multiply(kernel.offset, NS_PER_MICROSECOND);
	return 0;
}

static int
step(nanoseconds correction)
{
	struct timex order = { .modes = ADJ_SETOFFSET | ADJ_NANO };
	struct timespec set;
	nanoseconds target;

	/* adjtimex(2): tv_usec holds nanoseconds with ADJ_NANO and must not be negative. */
	order.time.tv_sec = seconds_floor(correction);
	order.time.tv_usec = seconds_fraction(correction);
	if (clock_adjtime(CLOCK_REALTIME, &order) >= 0)
		return 0;
	if (errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
		return errno;
	target = ns_add(sysclock_now(), correction);
	set.tv_sec = seconds_floor(target);
	set.tv_nsec = seconds_fraction(target);
	return clock_settime(CLOCK_REALTIME, &set) == 0 ? 0 : errno;
}

int
sysclock_step(nanoseconds correction, nanoseconds *moved)
{
	nanoseconds elapsed = sysclock_elapsed(), before = sysclock_now();
	int error = step(correction);

	*moved = ns_subtract(ns_subtract(sysclock_now(), before), sysclock_elapsed() - elapsed);
	return error;
}

int
sysclock_rate(int64_t ppb)
{
	struct timex order = { .modes = ADJ_TICK | ADJ_FREQUENCY };
	int64_t tick, frequency;

	sysclock_split_rate(ppb, &tick, &frequency);
	order.tick = tick;
	order.freq = frequency;
	return adjtimex(&order) < 0 ? errno : 0;
}

int
sysclock_slew(nanoseconds correction)
{
	/* Whole microseconds, rounded towards zero: a slew may fall short but must not overshoot. */
	struct timeval delta = {
		.tv_sec = correction / NS_PER_SECOND,
		.tv_usec = correction % NS_PER_SECOND / NS_PER_MICROSECOND
	};

	return adjtime(&delta, NULL) == 0 ? 0 : errno;
}

int
sysclock_set_bound(nanoseconds maxerror, nanoseconds esterror)
{
	struct timex kernel = { .modes = 0 };
	struct timex bound = { .modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR };

	if (adjtimex(&kernel) < 0)
		return errno;
	bound.status = kernel.status & ~STA_UNSYNC;
	bound.maxerror = ns_to_microseconds_up(maxerror);
	bound.esterror = ns_to_microseconds_up(esterror);
	return adjtimex(&bound) < 0 ? errno : 0;
}
