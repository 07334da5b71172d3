/*
 * measure FILE COMMAND...: runs COMMAND and appends one line to FILE:
 *
 *	WALL OWN TREE MEMORY STATUS
 *
 * the elapsed time, the processor time of its first thread, that of COMMAND and the children that it waited for (all in
 * nanoseconds), the largest resident memory of any of these (KiB), and its exit status (128 + a signal).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t time_ns(const struct timeval *time)
{
	return ((int64_t)time->tv_sec * 1000000 + time->tv_usec) * 1000;
}

/* The processor time of a process that has ended and has not been reaped. */
static int64_t own_ns(pid_t pid)
{
	char path[64];
	int64_t ns = -1;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/schedstat", (long)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	if (fscanf(file, "%lld", (long long *)&ns) != 1)
		ns = -1;
	fclose(file);
	return ns;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	siginfo_t info;
	int64_t start, wall, own;
	int status, error;
	FILE *file;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "measure: expected FILE COMMAND...\n");
		return 100;
	}
	file = fopen(argv[1], "ae");
	if (file == NULL) {
		fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
		return 111;
	}
	start = now_ns();
	error = posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ);
	if (error != 0) {
		fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(error));
		return 111;
	}
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0)
		if (errno != EINTR)
			return 111;
	wall = now_ns() - start;
	own = own_ns(pid);
	if (wait4(pid, &status, 0, &usage) != pid)
		return 111;
	fprintf(file, "%lld %lld %lld %ld %d\n", (long long)wall, (long long)own,
		(long long)(time_ns(&usage.ru_utime) + time_ns(&usage.ru_stime)), usage.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return fclose(file) == 0 ? 0 : 111;
}
