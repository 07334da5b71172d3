/*
 * A clock for tests: preloaded into a program, it replaces the system clock and records what the program does to it.
 *
 * The state is a file of 64-bit integers (the enum below).  FAKE_CLOCK names it.  It is mapped into memory, so that it
 * survives fork(2), closed descriptors and system call filters.  A call that sets the clock never reaches the kernel's
 * clock.  tests/lib/fakeclock.py makes and reads the file.
 *
 * If FAKE_CLOCK_TRACED is set, a harmless real call precedes each simulated adjtime, clock_adjtime and clock_settime.
 * A tracer sees it and can make it fail; the program then gets that failure.  A getpgid(-1) marks for the tracer that
 * main is about to begin.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

enum { OFFSET_NS, STATUS, MAXERROR_US, ESTERROR_US, FREQ, TICK, STEPS, SLEWS, LAST_STEP_NS, LAST_SLEW_US, TELLS, ERRNO, UNDONE,
	NO_SETOFFSET, TELL_ERRNO, RAW_NS, DRIFT_PPB, SINCE_NS, FIELDS };

static int64_t *state;

static int traced;

/* The C library's clock_gettime(2). */
static int (*next)(clockid_t, struct timespec *);

static int64_t zero[FIELDS] = { [STATUS] = STA_UNSYNC, [MAXERROR_US] = 16000000, [TICK] = 10000 };

__attribute__((constructor)) static void
start(void)
{
	const char *path = getenv("FAKE_CLOCK");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, FIELDS * sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	state = map == MAP_FAILED ? zero : map;
	if (fd >= 0)
		close(fd);
	traced = getenv("FAKE_CLOCK_TRACED") != NULL;
	if (traced)
		syscall(SYS_getpgid, -1);
}

/* The real calls: one only reads; the kernel refuses the other with EFAULT, because it gets no time to set. */
static int
traced_adjtime(void)
{
	struct timex reading = { .modes = 0 };

	return traced && syscall(SYS_clock_adjtime, CLOCK_REALTIME, &reading) < 0 ? -1 : 0;
}

static int
traced_settime(void)
{
	return traced && syscall(SYS_clock_settime, CLOCK_REALTIME, NULL) < 0 && errno != EFAULT ? -1 : 0;
}

static int64_t
real_ns(clockid_t clock)
{
	struct timespec now;

	/* A sanitizer's allocator reads clocks even before start(), and dlsym(3) would allocate again, without end. */
	if (next != NULL)
		next(clock, &now);
	else
		syscall(SYS_clock_gettime, clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What the raw clock has gained since SINCE_NS, if it runs at a rate of its own, and what the corrected clock has. */
static int64_t
gained(bool corrected)
{
	__int128 elapsed = state[DRIFT_PPB] != 0 ? real_ns(CLOCK_MONOTONIC_RAW) - state[SINCE_NS] : 0;
	__int128 raw = elapsed * state[DRIFT_PPB] / 1000000000;
	__int128 rate = corrected ? (state[TICK] - 10000) * 100000 + state[FREQ] * 1000 / 65536 : 0;

	return (int64_t)(raw + (elapsed + raw) * rate / 1000000000);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int64_t ns = real_ns(clock);

	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		ns += state[OFFSET_NS] + gained(true);
	if (clock == CLOCK_MONOTONIC_RAW)
		ns += state[RAW_NS] + gained(false);
	now->tv_sec = ns / 1000000000 - (ns % 1000000000 < 0);
	now->tv_nsec = ns - now->tv_sec * 1000000000;
	return 0;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec fine;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &fine);
	now->tv_sec = fine.tv_sec;
	now->tv_usec = fine.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *into)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (into != NULL)
		*into = now.tv_sec;
	return now.tv_sec;
}

static int
step(int64_t by)
{
	if (state[ERRNO] != 0) {
		errno = (int)state[ERRNO];
		return -1;
	}
	state[STEPS]++;
	state[LAST_STEP_NS] = by;
	/* A step ends a slew. */
	state[LAST_SLEW_US] = 0;
	if (!state[UNDONE])
		state[OFFSET_NS] += by;
	state[STATUS] |= STA_UNSYNC;
	state[MAXERROR_US] = state[ESTERROR_US] = 16000000;
	return 0;
}

int
clock_settime(clockid_t clock, const struct timespec *to)
{
	(void)clock;
	if (traced_settime() != 0)
		return -1;
	return step((int64_t)to->tv_sec * 1000000000 + to->tv_nsec - real_ns(CLOCK_REALTIME) - state[OFFSET_NS] - gained(true));
}

int
settimeofday(const struct timeval *to, const struct timezone *zone)
{
	(void)zone;
	return step((int64_t)to->tv_sec * 1000000000 + to->tv_usec * 1000 - real_ns(CLOCK_REALTIME) - state[OFFSET_NS] - gained(true));
}

int
adjtime(const struct timeval *by, struct timeval *left)
{
	(void)left;
	if (traced_adjtime() != 0)
		return -1;
	if (state[ERRNO] != 0) {
		errno = (int)state[ERRNO];
		return -1;
	}
	state[SLEWS]++;
	state[LAST_SLEW_US] = by->tv_sec * 1000000 + by->tv_usec;
	return 0;
}

int
clock_adjtime(clockid_t clock, struct timex *kernel)
{
	(void)clock;
	if (traced_adjtime() != 0)
		return -1;
	if ((kernel->modes & ADJ_SETOFFSET) != 0) {
		if (state[NO_SETOFFSET]) {
			errno = EINVAL;
			return -1;
		}
		return step((int64_t)kernel->time.tv_sec * 1000000000 +
		    kernel->time.tv_usec * ((kernel->modes & ADJ_NANO) != 0 ? 1 : 1000)) == 0 ? TIME_ERROR : -1;
	}
	if ((kernel->modes & (ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR)) != 0 && state[TELL_ERRNO] != 0) {
		errno = (int)state[TELL_ERRNO];
		return -1;
	}
	if (kernel->modes == ADJ_OFFSET_SS_READ) {
		kernel->offset = state[LAST_SLEW_US];
		kernel->modes = 0;
	}
	if ((kernel->modes & ADJ_STATUS) != 0)
		state[STATUS] = kernel->status;
	if ((kernel->modes & ADJ_MAXERROR) != 0)
		state[MAXERROR_US] = kernel->maxerror;
	if ((kernel->modes & ADJ_ESTERROR) != 0)
		state[ESTERROR_US] = kernel->esterror;
	if ((kernel->modes & (ADJ_FREQUENCY | ADJ_TICK)) != 0 && state[DRIFT_PPB] != 0) {
		int64_t real = gained(true), raw = gained(false);

		state[SINCE_NS] = real_ns(CLOCK_MONOTONIC_RAW);
		state[OFFSET_NS] += real;
		state[RAW_NS] += raw;
	}
	if ((kernel->modes & ADJ_FREQUENCY) != 0)
		state[FREQ] = kernel->freq;
	if ((kernel->modes & ADJ_TICK) != 0)
		state[TICK] = kernel->tick;
	if (kernel->modes != 0)
		state[TELLS]++;
	kernel->status = (int)state[STATUS];
	kernel->maxerror = state[MAXERROR_US];
	kernel->esterror = state[ESTERROR_US];
	kernel->freq = state[FREQ];
	kernel->tick = state[TICK];
	return (state[STATUS] & STA_UNSYNC) != 0 ? TIME_ERROR : TIME_OK;
}

int
adjtimex(struct timex *kernel)
{
	return clock_adjtime(CLOCK_REALTIME, kernel);
}
