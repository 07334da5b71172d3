/* The process that talks to the time source: see asking_process.h. */
#include "set/asking_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/fds.h"
#include "lib/filter.h"
#include "lib/startup.h"
#include "lib/sysclock.h"
#include "set/outcome.h"
#include "set/privilege.h"
#include "set/query_answer.h"

/* How much longer than the request's timeout the calling process waits: a name lookup or a busy machine can need it. */
#define PATIENCE NS_PER_SECOND

static _Noreturn void
ask(int pipe, pid_t setter, const struct rdate_request *request, int64_t pivot)
{
	/* Static, so that its padding is zero: the padding, too, goes through the pipe and must not disclose memory. */
	static struct query_answer answer;
	static struct query client;
	int error = privilege_reduce(false);

	/* Keep only descriptors 0 to 2 and the pipe, as 3.  closelog(3) makes syslog(3) forget its own. */
	closelog();
	if (pipe != STDERR_FILENO + 1)
		pipe = dup2(pipe, STDERR_FILENO + 1);
	if (pipe < 0)
		_exit(STATUS_SYSTEM);
	startup_close_from(STDERR_FILENO + 2);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have ended before PR_SET_PDEATHSIG was set. */
	if (getppid() != setter)
		_exit(STATUS_SYSTEM);
	if (error == 0)
		error = filter_enter(FILTER_RESOLVER);
	if (error == 0) {
		query_open(&client, request, pivot, &answer);
		error = privilege_limit(true);
	}
	if (error == 0)
		error = filter_enter(FILTER_ASKER);
	if (error != 0) {
		answer.outcome = QUERY_FAILED;
		answer.error = error;
	} else if (answer.outcome == QUERY_ANSWERED)
		query_ask(&client, &answer);
	for (int at = 0; at < FILTER_MISSED && filter_next_missed(&answer.missed[at]); at++)
		continue;
	error = fds_write_all(pipe, &answer, sizeof answer);
	_exit(error == 0 ? STATUS_DONE : STATUS_SYSTEM);
}

int
asking_process_start(struct asking_process *asker, const struct rdate_request *request, int64_t pivot)
{
	pid_t setter = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	asker->pid = fork();
	if (asker->pid < 0) {
		int error = errno;

		close(ends[0]);
		close(ends[1]);
		return error;
	}
	if (asker->pid == 0) {
		close(ends[0]);
		ask(ends[1], setter, request, pivot);
	}
	close(ends[1]);
	asker->pipe = ends[0];
	asker->handle = (int)syscall(SYS_pidfd_open, asker->pid, 0);
	return 0;
}

static enum status
wait_for_answer(struct asking_process *asker, const struct rdate_request *request, struct hangup *hangup,
    struct query_answer *answer)
{
	nanoseconds end = sysclock_elapsed() + request->timeout + PATIENCE;
	size_t got = 0;

	for (;;) {
		struct pollfd polls[HANGUP_POLLS + 1];
		nanoseconds left = end - sysclock_elapsed();
		ssize_t now;

		hangup_polls(hangup, polls);
		polls[HANGUP_POLLS] = (struct pollfd){ .fd = asker->pipe, .events = POLLIN };
		if (left <= 0) {
			/* A resolver that hangs does not observe the request's timeout: report it here instead. */
			memset(answer, 0, sizeof *answer);
			answer->outcome = QUERY_TIMEOUT;
			return STATUS_DONE;
		}
		now = poll(polls, HANGUP_POLLS + 1, (int)(left / NS_PER_MILLISECOND) + 1);
		if (now >= 0 && polls[HANGUP_POLLS].revents == 0) {
			if (hangup_seen(hangup, polls))
				return outcome_fail("the ssh client disconnected before %s answered", request->host);
			continue;
		}
		if (now >= 0)
			now = read(asker->pipe, (char *)answer + got, sizeof *answer - got);
		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return outcome_fail("cannot read from the process that asks %s: %s", request->host, strerror(errno));
		got += (size_t)now;
		if (got == sizeof *answer && query_answer_valid(answer))
			return STATUS_DONE;
		if (now == 0 || got == sizeof *answer)
			return outcome_fail("the process that asks %s ended without an answer", request->host);
	}
}

enum status
asking_process_wait(struct asking_process *asker, const struct rdate_request *request, struct hangup *hangup,
    struct query_answer *answer)
{
	enum status status = wait_for_answer(asker, request, hangup, answer);

	/*
	 * Use the pidfd: the filter forbids kill(2), which could signal any process.  Without a pidfd (a kernel before
	 * 5.3) the asking process dies when this process does (PR_SET_PDEATHSIG).
	 */
	if (asker->handle >= 0) {
		if (syscall(SYS_pidfd_send_signal, asker->handle, SIGKILL, NULL, 0) == 0)
			while (waitpid(asker->pid, NULL, 0) < 0 && errno == EINTR)
				continue;
		close(asker->handle);
	}
	close(asker->pipe);
	return status;
}
