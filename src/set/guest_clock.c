/* The clock under its lock, with its account: see guest_clock.h. */
#include "set/guest_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/text.h"
#include "set/policy.h"

#define BOUND_MAX_US (SYSCLOCK_BOUND_MAX / NS_PER_MICROSECOND)
/* The first line always has the same length, and so has the second: each replaces all of the one before. */
#define FIRST_LINE "boot %-39s bound-us %-11s before-us %-11s\n"
#define ACCOUNT_WORD "account "
#define FILE_OCTETS (127 + sizeof ACCOUNT_WORD + ACCOUNT_TEXT)

/* How long to wait while another request holds the lock, and how often to try at most while the clock moves by 1 ms. */
#define LOCK_WAIT NS_PER_SECOND
#define LOCK_LOOKS 500000

static void
read_file(struct guest_clock *state)
{
	char text[FILE_OCTETS], boot_id[SYSCLOCK_BOOT_ID], bound[12], before[12], *account;
	ssize_t got = pread(state->fd, text, sizeof text - 1, 0);

	state->has_bound = false;
	state->account = (struct account){ .raw = 0 };
	state->read_error = got < 0 ? errno : 0;
	if (got <= 0)
		return;
	text[got] = '\0';
	if (sscanf(text, "boot %39s bound-us %11s before-us %11s", boot_id, bound, before) != 3 ||
	    strcmp(boot_id, state->boot_id) != 0 || state->boot_id[0] == '\0')
		return;
	/* Whole microseconds, as in the kernel, so that guest_clock_other_service() can compare them exactly. */
	state->has_bound = parse_whole(bound, 0, BOUND_MAX_US, &state->bound) &&
	    parse_whole(before, 0, BOUND_MAX_US, &state->bound_before);
	account = strchr(text, '\n');
	if (account != NULL && strncmp(account + 1, ACCOUNT_WORD, strlen(ACCOUNT_WORD)) == 0)
		account_read(account + 1 + strlen(ACCOUNT_WORD), &state->account);
}

static int
write_octets(int fd, const char *text, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t written = pwrite(fd, text + done, length - done, (off_t)done);

		if (written == 0 || (written < 0 && errno != EINTR))
			return written < 0 ? errno : EIO;
		done += written > 0 ? (size_t)written : 0;
	}
	return 0;
}

static int
write_file(const struct guest_clock *state)
{
	char text[FILE_OCTETS], bound[24] = "-", before[24] = "-";
	size_t length;

	if (state->has_bound) {
		snprintf(bound, sizeof bound, "%" PRId64, state->bound);
		snprintf(before, sizeof before, "%" PRId64, state->bound_before);
	}
	length = (size_t)snprintf(text, sizeof text, FIRST_LINE ACCOUNT_WORD, state->boot_id, bound, before);
	account_write(&state->account, text + length);
	return write_octets(state->fd, text, length + ACCOUNT_TEXT - 1);
}

/*
 * Returns why the account could not be written, if it is REQUIRED for the set; otherwise 0.  What could not be read must
 * not be overwritten as if it were empty, and the next request needs the boot id to read it.
 */
static int
write_account(struct guest_clock *state, bool required)
{
	int error = state->boot_error != 0 ? state->boot_error : state->read_error != 0 ? state->read_error : write_file(state);

	state->write_error = required ? error : 0;
	return state->write_error;
}

/* Gives the account back as it was BEFORE a set that failed with ERROR, which this returns. */
static int
take_back(struct guest_clock *state, const struct account *before, int error)
{
	state->account = *before;
	/* If this fails, a correction that was not made counts: later ones are refused that need not be. */
	if (state->write_error == 0)
		write_account(state, false);
	return error;
}

/*
 * Reads file and clocks.  What comes before the clocks takes as long as what comes after them, more or less: an exchange
 * sends this reading, and its host assumes that it was read in the middle.
 */
static void
read_state(struct guest_clock *state)
{
	if (state->fd >= 0)
		read_file(state);
	state->now = sysclock_read();
	state->kernel_error = sysclock_state(&state->kernel);
	/* If the kernel's state cannot be read, this assumes that a slew is complete: then all of it counts. */
	account_advance(&state->account, state->now.raw, state->kernel.slew_left, state->kernel.rate_ppb);
}

/* Opens a lock file that exists.  If another kind of file is there, such as a FIFO, fails with EINVAL and waits for nobody. */
static int
open_existing(const char *path, int access)
{
	struct stat status;
	int error, fd = open(path, access | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -1;
	error = fstat(fd, &status) != 0 ? errno : S_ISREG(status.st_mode) ? 0 : EINVAL;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

/*
 * Opens the lock file for reading and writing, and makes it if it is missing.  A new file gets the directory's owner:
 * that may be a user who sets the clock too and could not open root's file.  Returns -1 on failure, with errno.
 */
static int
open_lock(const char *path, const char *directory_path)
{
	struct stat directory;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return errno == EEXIST ? open_existing(path, O_RDWR) : -1;
	if (stat(directory_path, &directory) == 0 && directory.st_uid != geteuid() &&
	    fchown(fd, directory.st_uid, directory.st_gid) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

int
guest_clock_open(struct guest_clock *state, const char *directory, bool writable)
{
	char path[GUEST_CLOCK_DIRECTORY_MOST + sizeof "/lock"];
	int made = 0;

	*state = (struct guest_clock){ .fd = -1, .directory = directory };
	snprintf(path, sizeof path, "%s/lock", directory);
	state->boot_error = sysclock_boot_id(state->boot_id);
	if (writable) {
		if (mkdir(directory, 0755) == 0)
			chmod(directory, 0755);	/* despite the umask of privilege_enclose() */
		else
			made = errno;
		state->fd = open_lock(path, directory);
	} else
		state->fd = open_existing(path, O_RDONLY);
	if (state->fd >= 0)
		read_file(state);
	else
		/* If there is no directory, the error is that of making it, such as a read-only /run. */
		state->error = errno == ENOENT && made != 0 && made != EEXIST ? made : errno;
	return writable ? state->error : 0;
}

/*
 * Locks FD.  Tries again without a sleep, because the guest's timers may not run; counts the tries, because its time may
 * stand still.  Returns 0 or an errno value: EWOULDBLOCK if another request still holds the lock.
 */
static int
wait_for_lock(int fd)
{
	nanoseconds start = sysclock_elapsed(), now = start, counted = start;

	for (int look = 0; look < LOCK_LOOKS && now - start < LOCK_WAIT; look++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return errno;
		sched_yield();
		now = sysclock_elapsed();
		if (now - counted >= NS_PER_MILLISECOND) {
			counted = now;
			look = 0;
		}
	}
	return EWOULDBLOCK;
}

/*
 * Whether the lock file was removed after it was opened.  If that cannot be found out, it counts as there: on other
 * architectures the filter may deny the C library's fstat(3), which may be newfstatat(2).
 */
static bool
was_removed(int fd)
{
	struct stat file;

#if defined __x86_64__ || defined __aarch64__
	/* Here the kernel's structure is the C library's. */
	return syscall(SYS_fstat, fd, &file) == 0 && file.st_nlink == 0;
#else
	return fstat(fd, &file) == 0 && file.st_nlink == 0;
#endif
}

int
guest_clock_lock(struct guest_clock *state, const struct clock_reading *since, const int64_t *sets)
{
	sigset_t all;
	int error = state->fd >= 0 ? wait_for_lock(state->fd) : state->error;

	if (error != 0)
		return error;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &state->signals);
	/* The request that held the lock before may have written new lines. */
	read_state(state);
	state->numbered = sets != NULL;
	state->write_error = 0;
	if (was_removed(state->fd))
		error = EIDRM;
	else if (since != NULL && policy_clock_was_set(since, &state->now, state->kernel.rate_ppb))
		error = ESTALE;
	else if (sets != NULL)
		error = state->read_error != 0 ? state->read_error : *sets != state->account.sets ? ESTALE : 0;
	if (error != 0) {
		guest_clock_unlock(state);
		guest_clock_admit_signals(state);
	}
	return error;
}

void
guest_clock_peek(struct guest_clock *state)
{
	read_state(state);
}

void
guest_clock_unlock(struct guest_clock *state)
{
	while (flock(state->fd, LOCK_UN) != 0 && errno == EINTR)
		continue;
}

void
guest_clock_admit_signals(const struct guest_clock *state)
{
	sigprocmask(SIG_SETMASK, &state->signals, NULL);
}

const char *
guest_clock_complaint(const struct guest_clock *state, int error)
{
	static char text[GUEST_CLOCK_DIRECTORY_MOST + 160];
	const char *cure = "";

	if (error == EWOULDBLOCK)
		return "another request is setting the clock: it has held the lock for a second; nothing was done";
	if (error == ESTALE)
		return "the clock was set by another request or program after this one began to measure it; nothing was done";
	if (error == EIDRM)
		return "the lock file was removed while this request ran; nothing was done: send the request again";
	if (error == EACCES || error == EPERM)
		cure = "; the directory must belong to the user that sets the clock";
	else if (error == ENOENT || error == EROFS || error == ENOSPC)
		cure = "; --state in the forced command can name another directory";
	snprintf(text, sizeof text, "cannot lock %s/lock: %s%s", state->directory, strerror(error), cure);
	return text;
}

const char *
guest_clock_set_complaint(const struct guest_clock *state, int error)
{
	static char text[GUEST_CLOCK_DIRECTORY_MOST + 220];

	if (state->write_error == 0)
		return strerror(error);
	snprintf(text, sizeof text, "cannot record it in %s/lock, which must come first: %s; %s",
	    state->directory, strerror(state->write_error), state->write_error == state->boot_error ?
	    "the boot id cannot be read: mount /proc" : "free space there, or let this program read and write there");
	return text;
}

int
guest_clock_move(struct guest_clock *state, nanoseconds max_step, nanoseconds max_back, bool slew,
    nanoseconds correction, nanoseconds *moved)
{
	bool limited = max_step != INT64_MAX || max_back != INT64_MAX;
	struct account before;
	int error;

	/* As the kernel does: what it would drop must not count as done. */
	if (slew)
		correction -= correction % NS_PER_MICROSECOND;
	/* Also if the set fails: the clock may have changed. */
	account_count_set(&state->account);
	before = state->account;
	if (limited)
		account_move(&state->account, max_step, max_back, correction, slew);
	error = write_account(state, limited || state->numbered);
	if (error == 0)
		error = slew ? sysclock_slew(correction) : sysclock_step(correction, moved);
	return error == 0 ? 0 : take_back(state, &before, error);
}

int
guest_clock_rate(struct guest_clock *state, int64_t ppb)
{
	struct account before;
	int error;

	/* A rate that could not be read could not be restored. */
	if (state->kernel_error != 0 || account_rate_is(&state->account, ppb))
		return state->kernel_error;
	account_count_set(&state->account);
	before = state->account;
	account_order_rate(&state->account, ppb);
	error = write_account(state, true);
	if (error == 0)
		error = sysclock_rate(ppb);
	return error == 0 ? 0 : take_back(state, &before, error);
}

int64_t
guest_clock_undo_rate(struct guest_clock *state)
{
	int64_t ordered = state->account.rate_ordered, before = state->account.rate_before;

	if (!account_rate_is_ordered(&state->account))
		return 0;
	/* Tick and frequency that another program set may be beyond what sysclock_rate() sets. */
	if (ns_magnitude(before) > SYSCLOCK_RATE_MAX)
		before = before < 0 ? -SYSCLOCK_RATE_MAX : SYSCLOCK_RATE_MAX;
	account_count_set(&state->account);
	write_account(state, false);
	/* After a failure, the next request tries again.  If it cannot be recorded, the next one sees another rate in force. */
	if (sysclock_rate(before) != 0)
		return 0;
	state->account.rate = state->account.rate_ordered = state->account.rate_before;
	write_account(state, false);
	return ordered;
}

bool
guest_clock_other_service(const struct guest_clock *state, const struct sysclock_state *kernel)
{
	/* The kernel does not change esterror, and only increases maxerror.  Another time service sets both. */
	return kernel->synchronised && !(state->has_bound && kernel->maxerror >= kernel->esterror &&
	    (kernel->esterror == state->bound * NS_PER_MICROSECOND ||
	    kernel->esterror == state->bound_before * NS_PER_MICROSECOND));
}

int
guest_clock_record_bound(struct guest_clock *state, nanoseconds bound)
{
	struct guest_clock recorded = *state;
	int error;

	recorded.bound_before = state->has_bound ? state->bound : 0;
	recorded.bound = ns_to_microseconds_up(bound);
	recorded.has_bound = true;
	error = state->write_error = state->read_error != 0 ? state->read_error : write_file(&recorded);
	if (error == 0)
		error = sysclock_set_bound(bound, bound);
	/* After a failure the kernel still has the previous bound: leave that in STATE. */
	if (error == 0) {
		state->bound_before = recorded.bound_before;
		state->bound = recorded.bound;
		state->has_bound = true;
	}
	return error;
}
