/* hosts.allow and hosts.deny as files: see tablewatch.h. */
#include "tablewatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A table larger than this is not searched for options: it counts as having some that run programs. */
#define TABLE_ROOM (4 << 20)

/* A table changed this recently (seconds) may have changed again within its time stamp's grain. */
#define FRESH_SECONDS 2

struct table_stamp {
	bool missing;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

static struct table_stamp stamps[2];
static bool stamped;
static enum tables_effect effect = TABLES_RUN;

int
tablewatch_fault(const char *path)
{
	struct stat status;

	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
		return errno == ENOTDIR ? ENOENT : errno;
	if (stat(path, &status) != 0)
		return errno;
	/* libwrap would find a directory empty, and wait for a pipe's writer.  A device can be read: /dev/null is one. */
	if (S_ISDIR(status.st_mode))
		return EISDIR;
	return S_ISREG(status.st_mode) || S_ISCHR(status.st_mode) ? 0 : EINVAL;
}

static struct table_stamp
stamp_of(const char *path)
{
	struct table_stamp stamp;
	struct stat status;

	memset(&stamp, 0, sizeof stamp);
	if (stat(path, &status) != 0) {
		stamp.missing = true;
		stamp.size = errno;
		return stamp;
	}
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
	return a->missing == b->missing && a->device == b->device && a->inode == b->inode && a->size == b->size &&
	    a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
	    a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* The most that a rule for this daemon does, in the table at PATH as it is now. */
static enum tables_effect
table_effect(const char *path, const char *daemon)
{
	struct stat status;
	enum tables_effect most = TABLES_RUN;
	char *text;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	/* Where a table may not be read, everybody is denied. */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return TABLES_PLAIN;
	if (fd < 0) {
		stamped = false;	/* not for long, perhaps: to be looked at again */
		return TABLES_RUN;
	}
	if (fstat(fd, &status) == 0 && status.st_size <= TABLE_ROOM && (text = malloc((size_t)status.st_size + 1)) != NULL) {
		ssize_t got = read(fd, text, (size_t)status.st_size + 1);

		/* One octet more than it had: it is growing under our eyes. */
		if (got >= 0 && got <= status.st_size)
			most = tables_effect(text, (size_t)got, daemon);
		if (got < 0)
			stamped = false;
		free(text);
	}
	close(fd);
	return most;
}

bool
tablewatch_look(const char *daemon, const char *allow, const char *deny)
{
	const char *const paths[2] = { allow, deny };
	struct timespec now;
	bool changed = !stamped, fresh = false;

	/* The files' stamps come from the coarse clock: compare like with like. */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	for (int table = 0; table < 2; table++) {
		struct table_stamp stamp = stamp_of(paths[table]);

		if (!stamped || !stamp_same(&stamp, &stamps[table]))
			changed = true;
		if (!stamp.missing && stamp.changed.tv_sec <= now.tv_sec &&
		    now.tv_sec - stamp.changed.tv_sec < FRESH_SECONDS)
			fresh = true;
		stamps[table] = stamp;
	}
	stamped = true;
	if (changed || fresh) {
		enum tables_effect first = table_effect(allow, daemon), second = table_effect(deny, daemon);

		effect = first > second ? first : second;
	}
	return changed || fresh;
}

void
tablewatch_distrust(void)
{
	stamped = false;
}

enum tables_effect
tablewatch_effect(void)
{
	return effect;
}
