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
 * LISTS_MOST: the most lists of clients in both tables together; a list counts each time that a rule for this daemon, or
 * such a list, names it.  LIST_DEPTH: the most levels of lists; a list that a table names is level 1.
 */
#define LISTS_MOST 64
#define LIST_DEPTH 8

/* For this many seconds after a change, the time stamp's resolution may hide another change. */
#define FRESH_SECONDS 2

/*
 * For this many seconds after a change of a file, its notes are reported: a process for one client cannot remember what
 * an earlier one logged.
 */
#define NOTE_SECONDS 600

/* The two tables, then the lists that they named when they were last read. */
static struct watched {
	char *path;
	int error;		/* stat(2)'s errno value, with ENOENT in place of ENOTDIR, or 0 */
	struct stat status;
} watched[2 + LISTS_MOST];
static size_t watched_count = 2;

static bool known;		/* the files were read and have no fault: read them again only after a change */
static char fault_text[512];	/* empty: no fault */
static enum acl_effect effect = ACL_RUN;
static acl_file_note *report_note;
static acl_file_rule *report_rule;

static void
look_at(struct watched *file)
{
	memset(&file->status, 0, sizeof file->status);
	file->error = stat(file->path, &file->status) == 0 ? 0 : errno == ENOTDIR ? ENOENT : errno;
}

static bool
is_same(const struct watched *file, const struct watched *before)
{
	const struct stat *a = &file->status, *b = &before->status;

	return file->error == before->error && a->st_mode == b->st_mode && a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/*
 * Returns 0 if libwrap can read a file of this type, else EISDIR or EINVAL: libwrap would treat a directory as empty,
 * and wait for a pipe's writer.
 */
static int
fault_of(mode_t mode)
{
	/* Allow character devices: a table may be a symbolic link to /dev/null. */
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

/*
 * Sets fault_text to PATH, the line, and what is at fault there.  If that line names a faulty list, fault_text already
 * has the list's fault, and keeps it after the line.
 */
static void
set_fault_at(const char *path, const struct acl_fault *fault)
{
	char what[257];

	snprintf(what, sizeof what, "%.256s", fault_text[0] != '\0' ? fault_text : fault->what);
	set_fault("%.200s, line %lu: %s", path, fault->line, what);
}

/* Returns the file's text, which the caller frees, and its LENGTH in octets; NULL after it set a fault. */
static char *
read_text(const struct watched *file, size_t *length)
{
	size_t size = (size_t)file->status.st_size;
	int error = file->error != 0 ? file->error : fault_of(file->status.st_mode), fd = -1;
	const char *path = file->path;
	char *text = NULL;
	ssize_t got = -1;

	if (error == 0 && size > TABLE_ROOM) {
		set_fault("%.200s is larger than 4 MiB", path);
		return NULL;
	}
	if (error == 0 && ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0 || (text = malloc(size + 1)) == NULL ||
	    (got = read(fd, text, size + 1)) < 0))
		error = errno;
	if (fd >= 0)
		close(fd);
	if (error != 0)
		set_fault("cannot read %.200s: %s", path, error == EINVAL ? "it is no regular file" : strerror(error));
	else if ((size_t)got > size)
		set_fault("%.200s grew while it was read", path);
	else {
		*length = (size_t)got;
		return text;
	}
	free(text);
	return NULL;
}

/* Whether the file changed in the last SECONDS. */
static bool
is_fresh(const struct watched *file, time_t seconds)
{
	time_t changed = file->status.st_ctim.tv_sec;
	struct timespec now;

	/* The kernel takes a file's time stamps from the coarse clock: use the same clock. */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return file->error == 0 && changed <= now.tv_sec && now.tv_sec - changed < seconds;
}

/* The file that the parser reads: the visitor's context. */
struct reading {
	const struct watched *file;
	int depth;		/* 0: a table; 1: a list that a table names */
};

static void
take_note(const struct acl_note *note, void *context)
{
	const struct watched *file = ((const struct reading *)context)->file;

	/* With the rules, all notes: an administrator asked. */
	if (report_note != NULL && (report_rule != NULL || is_fresh(file, NOTE_SECONDS)))
		report_note(file->path, note);
}

static void
take_rule(const struct acl_rule *rule, void *context)
{
	const struct watched *file = ((const struct reading *)context)->file;

	report_rule(file->path, file == &watched[1], rule);
}

static bool read_list(const char *path, void *context);

/*
 * Reads a table, or, if DAEMON is NULL, a list of clients at level DEPTH (see LIST_DEPTH), and every list that the file
 * names.  Returns false after it set a fault.
 */
static bool
read_file(const struct watched *file, const char *daemon, int depth)
{
	struct reading reading = { file, depth };
	const struct acl_visitor visitor = {
		.daemon = daemon, .list = read_list, .note = take_note, .rule = report_rule != NULL ? take_rule : NULL,
		.context = &reading
	};
	enum acl_effect most = ACL_PLAIN;
	struct acl_fault fault;
	size_t length;
	char *text = read_text(file, &length);

	if (text == NULL)
		return false;
	if (daemon != NULL)
		most = acl_parse(text, length, &visitor, &fault);
	else
		acl_parse_list(text, length, &visitor, &fault);
	free(text);
	if (fault.what != NULL)
		set_fault_at(file->path, &fault);
	if (most > effect)
		effect = most;
	return fault.what == NULL;
}

static bool
read_list(const char *path, void *context)
{
	int depth = ((const struct reading *)context)->depth + 1;
	struct watched *list = &watched[watched_count];

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
	look_at(list);
	return read_file(list, NULL, depth);
}

bool
acl_file_look(const char *daemon, char *allow, char *deny, bool strict)
{
	bool changed = !known;

	watched[0].path = allow;
	watched[1].path = deny;
	for (size_t at = 0; at < watched_count; at++) {
		const struct watched before = watched[at];

		look_at(&watched[at]);
		changed = changed || !is_same(&watched[at], &before) || is_fresh(&watched[at], FRESH_SECONDS);
	}
	if (!changed)
		return false;
	while (watched_count > 2)
		free(watched[--watched_count].path);
	fault_text[0] = '\0';
	effect = ACL_PLAIN;
	for (int table = 0; table < 2 && fault_text[0] == '\0'; table++)
		if (watched[table].error != ENOENT)
			read_file(&watched[table], daemon, 0);
	if (strict && watched[0].error == ENOENT && watched[1].error == ENOENT)
		set_fault("neither %.200s nor %.200s exists (--strict-access)", allow, deny);
	/* Some faults (no memory) end without a change of a file: after a fault, read all files at each call. */
	known = fault_text[0] == '\0';
	if (!known)
		effect = ACL_PLAIN;
	return true;
}

void
acl_file_report(acl_file_note *note, acl_file_rule *rule)
{
	report_note = note;
	report_rule = rule;
}

const char *
acl_file_fault(void)
{
	return fault_text[0] != '\0' ? fault_text : NULL;
}

void
acl_file_distrust(void)
{
	known = false;
}

enum acl_effect
acl_file_effect(void)
{
	return effect;
}
