/* /run/guestclock: see runstate.h. */
#include "runstate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "numtext.h"

/* Microseconds; the kernel takes no more than 16 s. */
#define TOLD_MAX 16000000

static void
read_boot_id(char boot_id[BOOT_ID_TEXT])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, boot_id, BOOT_ID_TEXT - 1);

	boot_id[got > 0 ? got : 0] = '\0';
	boot_id[strcspn(boot_id, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static void
read_told(struct runstate *state)
{
	char text[128], boot_id[BOOT_ID_TEXT], maxerror[12], esterror[12];
	ssize_t got = pread(state->fd, text, sizeof text - 1, 0);

	state->told = false;
	if (got <= 0)
		return;
	text[got] = '\0';
	/* The kernel keeps whole microseconds; so does the file, and comparing is exact. */
	state->told = sscanf(text, "boot %39s maxerror-us %11s esterror-us %11s", boot_id, maxerror, esterror) == 3 &&
	    strcmp(boot_id, state->boot_id) == 0 && state->boot_id[0] != '\0' &&
	    parse_whole(maxerror, 0, TOLD_MAX, &state->maxerror) && parse_whole(esterror, 0, TOLD_MAX, &state->esterror);
}

int
runstate_open(struct runstate *state, bool writable)
{
	*state = (struct runstate){ .fd = -1 };
	read_boot_id(state->boot_id);
	if (writable) {
		if (mkdir(RUNSTATE_DIRECTORY, 0755) == 0)
			chmod(RUNSTATE_DIRECTORY, 0755);	/* umask 077 is for files */
		state->fd = open(RUNSTATE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	} else
		state->fd = open(RUNSTATE_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (state->fd < 0)
		return writable ? errno : 0;
	read_told(state);
	return 0;
}

int
runstate_lock(struct runstate *state)
{
	if (flock(state->fd, LOCK_EX | LOCK_NB) != 0)
		return errno;
	/* Whoever had the lock before may have written since. */
	read_told(state);
	return 0;
}

bool
runstate_other_service(const struct runstate *state, const struct sysclock_state *kernel)
{
	/*
	 * The kernel keeps the estimate that it was told, and lets maxerror grow.  A time service that has been at
	 * work since has written both.
	 */
	return kernel->synchronised && !(state->told && kernel->esterror == state->esterror * NS_PER_MICROSECOND &&
	    kernel->maxerror >= state->maxerror * NS_PER_MICROSECOND);
}

int
runstate_told(struct runstate *state, nanoseconds maxerror, nanoseconds esterror)
{
	char text[128];
	int length;

	state->told = true;
	state->maxerror = (maxerror + NS_PER_MICROSECOND - 1) / NS_PER_MICROSECOND;
	state->esterror = (esterror + NS_PER_MICROSECOND - 1) / NS_PER_MICROSECOND;
	length = snprintf(text, sizeof text, "boot %s maxerror-us %" PRId64 " esterror-us %" PRId64 "\n", state->boot_id,
	    state->maxerror, state->esterror);
	if (ftruncate(state->fd, 0) != 0 || pwrite(state->fd, text, (size_t)length, 0) != length)
		return errno != 0 ? errno : EIO;
	return 0;
}
