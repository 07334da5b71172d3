/* The link to the superserver in wait mode: see parent.h. */
#include "timed/parent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;
static bool in_doubt;

static void
count_tick(int signal_number)
{
	(void)signal_number;
	/* Unsigned arithmetic: the count wraps after 68 years; a signed overflow would be undefined. */
	ticks = (sig_atomic_t)((unsigned)ticks + 1U);
}

static bool
names_us(const char *variable)
{
	const char *value = getenv(variable);
	char pid[24];

	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	return value != NULL && strcmp(value, pid) == 0;
}

int
parent_follow(void)
{
	struct sigaction tick = { .sa_handler = count_tick };	/* no SA_RESTART: a tick must end blocking calls */
	struct itimerval each_second = { .it_interval = { .tv_sec = 1 }, .it_value = { .tv_sec = 1 } };
	pid_t parent = getppid();
	sigset_t wanted;

	/* This process may inherit an ignored or blocked SIGTERM from the superserver. */
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGALRM);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || sigaction(SIGALRM, &tick, NULL) != 0 ||
	    sigprocmask(SIG_UNBLOCK, &wanted, NULL) != 0 || setitimer(ITIMER_REAL, &each_second, NULL) != 0)
		return errno;
	if (getppid() != parent)
		return ESRCH;
	/*
	 * A parent with PID 1 may be init, which adopted us, or systemd.  systemd writes the PID of a process that it
	 * starts into that process's environment (systemd.exec(5)); a child of that process finds a PID that is not its
	 * own.  A superserver with PID 1, in a container, is in doubt too: no harm, it starts us again after our exit.
	 */
	in_doubt = parent == 1 && !names_us("SYSTEMD_EXEC_PID") && !names_us("LISTEN_PID");
	return 0;
}

uint32_t
parent_ticks(void)
{
	return (uint32_t)ticks;
}

bool
parent_in_doubt(void)
{
	return in_doubt;
}
