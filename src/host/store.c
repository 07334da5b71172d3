/* State and log on disk: see store.h. */
#include "host/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/record_text.h"
#include "lib/fds.h"
#include "lib/sysclock.h"

static int
open_lock(const struct store *store, const char *name)
{
	return openat(store->directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int
store_open(struct store *store, const char *path)
{
	struct stat status;
	int error;

	*store = (struct store){ .directory = -1, .writing = -1, .running = -1, .path = path };
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return errno;
	store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory < 0)
		return errno;
	/* Another user may have made it just now: root must not write there. */
	if (geteuid() == 0 && (fstat(store->directory, &status) != 0 || status.st_uid != 0))
		errno = EACCES;
	else
		store->writing = open_lock(store, ".lock");
	if (store->writing >= 0)
		return 0;
	error = errno;
	close(store->directory);
	store->directory = -1;
	return error;
}

/* The content of the file that a running watch has locked. */
#define WATCH_MARK "watch\n"

int
store_lock_run(struct store *store, bool watch)
{
	store->running = open_lock(store, ".sync.lock");
	if (store->running < 0 || flock(store->running, LOCK_EX | LOCK_NB) != 0)
		return errno;
	if (ftruncate(store->running, 0) != 0)
		return errno;
	/* On a full disk the mark is missing: then sync only says that another run has the lock. */
	if (watch)
		fds_write_all(store->running, WATCH_MARK, sizeof WATCH_MARK - 1);
	return 0;
}

static bool
has_mark(int fd)
{
	char mark[sizeof WATCH_MARK];

	return pread(fd, mark, sizeof mark, 0) == sizeof WATCH_MARK - 1 && memcmp(mark, WATCH_MARK, sizeof WATCH_MARK - 1) == 0;
}

bool
store_is_watched(const struct store *store)
{
	return has_mark(store->running);
}

static void
set_aside(const struct store *store, const char *name, const char *fault)
{
	char aside[RECORD_FILE_NAME + 32];
	bool renamed;

	snprintf(aside, sizeof aside, "%s.damaged-%lld", name, (long long)seconds_floor(sysclock_now()));
	renamed = renameat(store->directory, name, store->directory, aside) == 0;
	fprintf(stderr, "guestclock: %s/%s is damaged (%s); %s%s\n", store->path, name, fault,
	    renamed ? "set aside as " : "it cannot be renamed: ", renamed ? aside : strerror(errno));
}

void
store_load(const struct store *store, const char *guest, struct record *record, struct rate *rate)
{
	char name[RECORD_FILE_NAME], text[RECORD_TEXT + 1];
	ssize_t got;
	int fd;

	memset(record, 0, sizeof *record);
	memset(rate, 0, sizeof *rate);
	if (store->directory < 0)
		return;
	record_file_name(guest, name);
	fd = openat(store->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	got = read(fd, text, sizeof text);
	close(fd);
	if (got >= 0 && record_parse(text, (size_t)got, record, rate) && strcmp(record->guest, guest) == 0)
		return;
	memset(record, 0, sizeof *record);
	memset(rate, 0, sizeof *rate);
	set_aside(store, name, got < 0 ? strerror(errno) : "not a state of this guest");
}

int
store_replace_file(int directory, const char *beside, const char *name, const char *text, size_t length)
{
	/* O_EXCL: fail if another user has put a link or a FIFO at BESIDE, rather than follow it or wait for it. */
	int error, fd = openat(directory, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return errno;
	error = fds_write_all(fd, text, length);
	if (error == 0 && fchmod(fd, 0644) != 0)
		error = errno;
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error == 0 && renameat(directory, beside, directory, name) != 0)
		error = errno;
	if (error != 0)
		unlinkat(directory, beside, 0);
	return error;
}

/*
 * Replaces a file of the store.  The caller holds the lock for writing, so the temporary file can always have the same
 * name: the next call then removes the file that a killed process left.
 */
static int
replace_file(const struct store *store, const char *name, const char *text, size_t length)
{
	char beside[RECORD_FILE_NAME + 8];

	snprintf(beside, sizeof beside, ".%s.new", name);
	unlinkat(store->directory, beside, 0);
	return store_replace_file(store->directory, beside, name, text, length);
}

/* Replaces the log, of SIZE octets and open as FD, by the whole lines in its newer half. */
static void
trim(const struct store *store, int fd, off_t size)
{
	size_t length = (size_t)(size - size / 2);
	char *text = malloc(length), *line;
	ssize_t got = text == NULL ? -1 : pread(fd, text, length, size / 2);

	line = got <= 0 ? NULL : memchr(text, '\n', (size_t)got);
	if (line != NULL)
		replace_file(store, RECORD_LOG, line + 1, (size_t)(text + got - line - 1));
	free(text);
}

/* Whether the file is empty or its last octet is LF.  Also true if that octet cannot be read. */
static bool
ends_line(int fd, off_t size)
{
	char last = '\n';

	return size == 0 || pread(fd, &last, 1, size - 1) != 1 || last == '\n';
}

static int
append(const struct store *store, const char *line, size_t length)
{
	char whole[RECORD_LOG_LINE + 1];
	struct stat status = { .st_size = 0 };
	int error = 0, fd = openat(store->directory, RECORD_LOG, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK, 0644);

	if (fd < 0)
		return errno;
	if (fstat(fd, &status) != 0)
		error = errno;
	else if (!S_ISREG(status.st_mode))
		error = EINVAL;
	else {
		/* If a kill cut the last line short, the same write first ends that line. */
		size_t lead = ends_line(fd, status.st_size) ? 0 : 1;

		whole[0] = '\n';
		memcpy(whole + lead, line, length);
		error = fds_write_all(fd, whole, length + lead);
		/* If the write failed, for example on a full disk, remove the part of the line that it wrote. */
		if (error != 0 && ftruncate(fd, status.st_size) != 0)
			error = errno;
		if (error == 0 && status.st_size > RECORD_LOG_MAX)
			trim(store, fd, status.st_size + (off_t)(length + lead));
	}
	close(fd);
	return error;
}

/* For a check: whether a watch is running.  A watch that was killed has left its mark, but not its lock. */
static bool
watch_runs(const struct store *store)
{
	int fd = openat(store->directory, ".sync.lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	/* Without the mark, do not even try the lock: a sync that starts at this moment would not get it. */
	bool locked = fd >= 0 && has_mark(fd) && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return locked;
}

/* Replaces the guest's state; LINE, of LENGTH octets, is appended to the log unless it is NULL. */
static int
write_state(const struct store *store, const struct record *record, const struct rate *rate, const char *line,
    size_t length)
{
	char name[RECORD_FILE_NAME], text[RECORD_TEXT];
	struct record previous;
	struct rate learnt;
	int saved = 0, appended = 0;
	bool kept;

	if (store->directory < 0)
		return 0;
	record_file_name(record->guest, name);
	while (flock(store->writing, LOCK_EX) != 0)
		if (errno != EINTR)
			return errno;
	/* While watch runs, the states are its own: sync prints them. */
	kept = rate == NULL && watch_runs(store);
	/* A sync may have learnt something since this check read the state. */
	if (rate == NULL) {
		store_load(store, record->guest, &previous, &learnt);
		rate = &learnt;
	}
	if (!kept)
		saved = replace_file(store, name, text, record_format(record, rate, text));
	if (line != NULL)
		appended = append(store, line, length);
	flock(store->writing, LOCK_UN);
	return saved != 0 ? saved : appended;
}

int
store_save(const struct store *store, const struct record *record, const struct rate *rate)
{
	return write_state(store, record, rate, NULL, 0);
}

int
store_remember(const struct store *store, const struct record *record, const struct rate *rate, const char *command)
{
	char line[RECORD_LOG_LINE];
	size_t length = record_format_log(record, command, line);

	return write_state(store, record, rate, line, length);
}

nanoseconds
store_newest(const struct store *store)
{
	char text[2 * RECORD_LOG_LINE];
	struct stat status;
	nanoseconds time = 0;
	const char *end, *start;
	ssize_t got = -1;
	int fd = store->directory < 0 ? -1 :
	    openat(store->directory, RECORD_LOG, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return 0;
	if (fstat(fd, &status) == 0)
		got = pread(fd, text, sizeof text, status.st_size > (off_t)sizeof text ? status.st_size - (off_t)sizeof text : 0);
	close(fd);
	/* Ignore text after the last LF: that line was cut short.  TEXT may begin in the middle of a line. */
	end = got > 0 ? memrchr(text, '\n', (size_t)got) : NULL;
	if (end == NULL && got < (ssize_t)sizeof text)
		return 0;
	if (end != NULL) {
		start = memrchr(text, '\n', (size_t)(end - text));
		start = start == NULL ? text : start + 1;
		if (record_log_time(start, (size_t)(end - start), &time))
			return time;
	}
	set_aside(store, RECORD_LOG, "its last line has no time");
	return 0;
}
