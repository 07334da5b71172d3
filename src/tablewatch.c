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
	int error;		/* an errno value: why it cannot be looked at, or 0 */
	mode_t mode;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

static struct table_stamp stamps[2];
static int faults[2];
static bool stamped;
static enum tables_effect effect = TABLES_RUN;

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

/* An errno value for what is no file to read from: libwrap would find a directory empty, and wait for a pipe's writer. */
static int
fault_of(mode_t mode)
{
	/* A device can be read: /dev/null is one. */
	if (S_ISREG(mode) || S_ISCHR(mode))
		return 0;
	return S_ISDIR(mode) ? EISDIR : EINVAL;
}

/* Reads the table at PATH, of which STAMP is known: the most that a rule for DAEMON does; FAULT is why it cannot be. */
static enum tables_effect
read_table(const char *path, const struct table_stamp *stamp, const char *daemon, int *fault)
{
	size_t size = (size_t)stamp->size;
	enum tables_effect most = TABLES_RUN;
	char *text;
	int fd;

	*fault = stamp->error != 0 ? stamp->error : fault_of(stamp->mode);
	/* Nobody is let in by a table that cannot be read, nor by one that is not there. */
	if (*fault != 0)
		return TABLES_PLAIN;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		*fault = errno;
		if (errno == EACCES)
			return TABLES_PLAIN;
		stamped = false;	/* not for long, perhaps: to be looked at again */
		return TABLES_RUN;
	}
	if (stamp->size <= TABLE_ROOM && (text = malloc(size + 1)) != NULL) {
		ssize_t got = read(fd, text, size + 1);

		/* One octet more than it had: it is growing under our eyes. */
		if (got >= 0 && (size_t)got <= size)
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
		if (stamp.error == 0 && stamp.changed.tv_sec <= now.tv_sec &&
		    now.tv_sec - stamp.changed.tv_sec < FRESH_SECONDS)
			fresh = true;
		stamps[table] = stamp;
	}
	stamped = true;
	if (changed || fresh) {
		effect = TABLES_PLAIN;
		for (int table = 0; table < 2; table++) {
			enum tables_effect most = read_table(paths[table], &stamps[table], daemon, &faults[table]);

			if (most > effect)
				effect = most;
		}
	}
	return changed || fresh;
}

int
tablewatch_fault(int table)
{
	return faults[table];
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
