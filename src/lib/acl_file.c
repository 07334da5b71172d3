/* hosts.allow and hosts.deny as files: see acl_file.h. */
#include "lib/acl_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The largest table, or list of clients, that is read, in octets.  A larger one is a fault: every client is denied. */
#define TABLE_ROOM (4 << 20)

/*
 * The most lists of clients in both tables together, where a list counts each time that it is named, and the most
 * levels of lists that name lists.
 */
#define LISTS_MOST 64
#define LIST_DEPTH 8

/* For this many seconds after a change, the time stamp's resolution may hide another change. */
#define FRESH_SECONDS 2

struct table_stamp {
	int error;		/* stat(2)'s errno value, or 0 */
	mode_t mode;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

/* The two tables, then the lists that they named when they were last read. */
static struct watched {
	char *path;
	struct table_stamp stamp;
} watched[2 + LISTS_MOST];
static size_t watched_count = 2;

static bool stamped;
static char fault_text[512];	/* empty: no fault */
static enum acl_effect effect = ACL_RUN;

static struct table_stamp
stamp_of(const char *path)
{
	struct table_stamp stamp;
	struct stat status;

	memset(&stamp, 0, sizeof stamp);
	if (stat(path, &status) != 0) {
		stamp.error = errno == ENOTDIR ? ENOENT : errno;
		return stamp;
	}
	stamp.mode = status.st_mode;
	stamp.device = status.st_dev;
	stamp.inode = status.st_ino;
	stamp.size = status.st_size;
	stamp.modified = status.st_mtim;
	stamp.changed = status.st_ctim;
	return stamp;
}

static bool
stamp_same(const struct table_stamp *a, const struct table_stamp *b)
{
	return a->error == b->error && a->mode == b->mode && a->device == b->device && a->inode == b->inode && a->size == b->size &&
	    a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
	    a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/*
 * Returns 0 if libwrap can read a file of this type, else an errno value: libwrap would treat a directory as empty, and
 * wait for a pipe's writer.
 */
static int
fault_of(mode_t mode)
{
	/* Allow devices: a table may be a symbolic link to /dev/null. */
	if (S_ISREG(mode) || S_ISCHR(mode))
		return 0;
	return S_ISDIR(mode) ? EISDIR : EINVAL;
}

static void __attribute__((format(printf, 1, 2)))
set_fault(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fault_text, sizeof fault_text, format, arguments);
	va_end(arguments);
}

/* Sets the fault in a line of PATH.  If that line names a faulty list, fault_text already has the list's fault. */
static void
set_fault_at(const char *path, const struct acl_fault *fault)
{
	char what[257];

	snprintf(what, sizeof what, "%.256s", fault_text[0] != '\0' ? fault_text : fault->what);
	set_fault("%.200s, line %lu: %s", path, fault->line, what);
}

/* Returns the text of the file at PATH, which the caller frees; NULL after it set a fault. */
static char *
read_text(const char *path, const struct table_stamp *stamp, size_t *length)
{
	size_t size = (size_t)stamp->size;
	int error = stamp->error != 0 ? stamp->error : fault_of(stamp->mode), fd = -1;
	char *text = NULL;
	ssize_t got = -1;

	if (error == 0 && stamp->size > TABLE_ROOM) {
		set_fault("%.200s is larger than 4 MiB", path);
		return NULL;
	}
	if (error == 0 && ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0 || (text = malloc(size + 1)) == NULL ||
	    (got = read(fd, text, size + 1)) < 0))
		error = errno;
	if (fd >= 0)
		close(fd);
	if (error != 0)
		set_fault("cannot read %.200s: %s", path, strerror(error));
	else if ((size_t)got > size)
		set_fault("%.200s is being written", path);
	else {
		*length = (size_t)got;
		return text;
	}
	free(text);
	return NULL;
}

static bool
read_list(const char *path, void *context)
{
	int depth = *(const int *)context + 1;
	struct acl_fault fault = { NULL, 0 };
	struct watched *list = &watched[watched_count];
	char *text;
	size_t length;

	if (depth > LIST_DEPTH || watched_count == sizeof watched / sizeof watched[0]) {
		set_fault("%.200s: the tables name more than %d lists of clients, or lists more than %d deep", path, LISTS_MOST,
		    LIST_DEPTH);
		return false;
	}
	list->path = strdup(path);
	if (list->path == NULL) {
		set_fault("cannot read %.200s: %s", path, strerror(errno));
		return false;
	}
	watched_count++;
	list->stamp = stamp_of(path);
	text = read_text(path, &list->stamp, &length);
	if (text == NULL)
		return false;
	acl_parse_list(text, length, read_list, &depth, &fault);
	free(text);
	if (fault.what != NULL)
		set_fault_at(path, &fault);
	return fault.what == NULL;
}

static void
read_table(const struct watched *table, const char *daemon)
{
	int depth = 0;
	struct acl_fault fault;
	enum acl_effect most;
	char *text;
	size_t length;

	if (table->stamp.error == ENOENT || (text = read_text(table->path, &table->stamp, &length)) == NULL)
		return;
	most = acl_parse(text, length, daemon, read_list, &depth, &fault);
	free(text);
	if (fault.what != NULL)
		set_fault_at(table->path, &fault);
	if (most > effect)
		effect = most;
}

/* Whether the time stamp is so recent that it might not show another change. */
static bool
is_fresh(const struct table_stamp *stamp)
{
	struct timespec now;

	/* The kernel takes a file's time stamps from the coarse clock: use the same clock. */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return stamp->error == 0 && stamp->changed.tv_sec <= now.tv_sec && now.tv_sec - stamp->changed.tv_sec < FRESH_SECONDS;
}

bool
acl_file_look(const char *daemon, char *allow, char *deny)
{
	bool changed = !stamped;

	watched[0].path = allow;
	watched[1].path = deny;
	for (size_t at = 0; at < watched_count; at++) {
		struct table_stamp stamp = stamp_of(watched[at].path);

		changed = changed || !stamp_same(&stamp, &watched[at].stamp) || is_fresh(&stamp);
		watched[at].stamp = stamp;
	}
	if (!changed)
		return false;
	while (watched_count > 2)
		free(watched[--watched_count].path);
	fault_text[0] = '\0';
	effect = ACL_PLAIN;
	for (int table = 0; table < 2 && fault_text[0] == '\0'; table++)
		read_table(&watched[table], daemon);
	/* Some faults (no memory) end without a change of a file: after a fault, read all files at each call. */
	stamped = fault_text[0] == '\0';
	if (!stamped)
		effect = ACL_PLAIN;
	return true;
}

const char *
acl_file_fault(void)
{
	return fault_text[0] != '\0' ? fault_text : NULL;
}

bool
acl_file_missing(void)
{
	return watched[0].stamp.error == ENOENT && watched[1].stamp.error == ENOENT;
}

void
acl_file_distrust(void)
{
	stamped = false;
}

enum acl_effect
acl_file_effect(void)
{
	return effect;
}
