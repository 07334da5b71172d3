/* Child processes without privileges: see child.h. */
#include "set/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/fds.h"
#include "lib/filter.h"
#include "lib/startup.h"
#include "lib/status.h"
#include "lib/sysclock.h"
#include "set/privilege.h"

/*
 * Makes the kernel kill this process when an end of LEASH is closed, as at the parent's death.  The parent cannot send
 * a signal: it has neither this process's user nor CAP_KILL.  PR_SET_PDEATHSIG has the same limit.  The kernel checks the
 * permission of the process that called F_SETOWN, which is this one.  Once it has closed its copies, it can no longer
 * undo this.
 */
static int
fasten(const int leash[2])
{
	for (int end = 0; end < 2; end++)
		if (fcntl(leash[end], F_SETOWN, getpid()) != 0 || fcntl(leash[end], F_SETSIG, SIGKILL) != 0 ||
		    fcntl(leash[end], F_SETFL, O_ASYNC) != 0)
			return errno;
	return 0;
}

/*
 * The child's standard input, output and error are sockets of sshd.  It gets its pipe instead: the end to write to as
 * standard output, and for the other two the end to read from, to which a warning of the C library (about host.conf)
 * cannot be written.  In a debug build the filter names forbidden calls on standard error.
 */
static bool
replace_standard(const int pipe[2])
{
	bool replaced = dup2(pipe[1], STDOUT_FILENO) >= 0 && dup2(pipe[0], STDIN_FILENO) >= 0;

#ifndef FILTER_DEBUG
	replaced = replaced && dup2(pipe[0], STDERR_FILENO) >= 0;
#endif
	return replaced;
}

static _Noreturn void
run_child(const int pipe[2], const int leash[2], pid_t parent, child_work *work, const void *task, void *answer, size_t size)
{
	int error = privilege_leave();

	if (error == 0)
		error = fasten(leash);
	closelog();
	/* The parent may have ended before fasten(). */
	if (!replace_standard(pipe) || getppid() != parent)
		_exit(STATUS_SYSTEM);
	startup_close_from(STDERR_FILENO + 1);
	if (error == 0)
		error = filter_enter(FILTER_RESOLVER);
	work(task, error, answer);
	error = fds_write_all(STDOUT_FILENO, answer, size);
	_exit(error == 0 ? STATUS_DONE : STATUS_SYSTEM);
}

int
child_start(struct child *child, child_work *work, const void *task, void *answer, size_t size)
{
	pid_t parent = getpid();
	int ends[2] = { -1, -1 }, error = 0;

	*child = (struct child){ .pid = -1, .leash = { -1, -1 } };
	if (pipe2(ends, O_CLOEXEC) != 0 || pipe2(child->leash, O_CLOEXEC) != 0 || (child->pid = fork()) < 0)
		error = errno;
	if (child->pid == 0)
		run_child(ends, child->leash, parent, work, task, answer, size);
	child->pipe = ends[0];
	close(ends[1]);
	if (error != 0) {
		close(ends[0]);
		close(child->leash[0]);
		close(child->leash[1]);
	}
	return error;
}

static enum child_end
wait_for_answer(const struct child *child, struct hangup *hangup, nanoseconds end, char *answer, size_t size)
{
	size_t got = 0;

	while (got < size) {
		struct pollfd polls[HANGUP_POLLS + 1];
		nanoseconds left = end - sysclock_elapsed();
		ssize_t now;

		if (left <= 0)
			return CHILD_LATE;
		hangup_polls(hangup, polls);
		polls[HANGUP_POLLS] = (struct pollfd){ .fd = child->pipe, .events = POLLIN };
		now = poll(polls, HANGUP_POLLS + 1, (int)(left / NS_PER_MILLISECOND) + 1);
		if (now >= 0 && polls[HANGUP_POLLS].revents == 0) {
			if (hangup_seen(hangup, polls))
				return CHILD_CLIENT_GONE;
			continue;
		}
		if (now >= 0)
			now = read(child->pipe, answer + got, size - got);
		if (now < 0 && errno == EINTR)
			continue;
		if (now <= 0)
			return now < 0 ? CHILD_UNREADABLE : CHILD_ENDED;
		got += (size_t)now;
	}
	return CHILD_ANSWERED;
}

enum child_end
child_wait(struct child *child, struct hangup *hangup, nanoseconds end, void *answer, size_t size)
{
	enum child_end how = wait_for_answer(child, hangup, end, answer, size);
	int error = errno;

	/* Close the leash first: the child may wait for anything. */
	close(child->leash[0]);
	close(child->leash[1]);
	close(child->pipe);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	errno = error;
	return how;
}
