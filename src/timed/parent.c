/* Living under a superserver: see parent.h. */
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
	/* Unsigned arithmetic: the count may wrap after 68 years, not trap. */
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
	struct sigaction tick = { .sa_handler = count_tick };	/* no SA_RESTART: calls must end */
	struct itimerval each_second = { .it_interval = { .tv_sec = 1 }, .it_value = { .tv_sec = 1 } };
	pid_t parent = getppid();
	sigset_t wanted;

	/* A superserver may hand down an ignored or blocked SIGTERM. */
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
	 * systemd is process 1, and names the process that it started (systemd.exec(5); a child of that would see
	 * another's number).  A superserver that is process 1 itself, in a container, just starts us again.
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
