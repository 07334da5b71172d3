/* Wait mode: see wait_mode.h. */
#include "timed/wait_mode.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/text.h"
#include "timed/log_limit.h"
#include "timed/reply.h"
#include "timed/sandbox.h"
#include "timed/verdict_cache.h"

static struct {
	uint32_t tick;		/* the count of ticks at the last wait_mode_tick() */
	uint32_t idle;		/* ticks without a request */
	bool confined;
	/*
	 * The superserver may have died before follow_parent(): then the parent is init, which adopted this process, and no
	 * SIGTERM comes.  If that is possible, this process must end after a limited time, even if busy.
	 */
	bool parent_in_doubt;
	struct log_limit refusals;
	struct verdict_cache verdicts;
} state;

static volatile sig_atomic_t ticks;	/* since follow_parent(); may wrap */

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

/*
 * From now on this process gets SIGTERM when its parent dies (prctl(2), PR_SET_PDEATHSIG), and SIGALRM each second,
 * which counts a tick and ends a blocking call with EINTR.  Returns false, after a line in syslog, if that failed or
 * the parent died during this call.
 */
static bool
follow_parent(void)
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
	    sigprocmask(SIG_UNBLOCK, &wanted, NULL) != 0 || setitimer(ITIMER_REAL, &each_second, NULL) != 0) {
		syslog(LOG_ERR, "cannot watch for the end of the superserver, or start a timer: %m");
		return false;
	}
	if (getppid() != parent) {
		syslog(LOG_NOTICE, "the superserver has ended: exiting");
		return false;
	}
	/*
	 * A parent with PID 1 may be init, which adopted us, or systemd.  systemd writes the PID of a process that it
	 * starts into that process's environment (systemd.exec(5)); a child of that process finds a PID that is not its
	 * own.  In doubt, this process ends when it has lived for the idle time, even if it is busy.  It also does so under
	 * a superserver with PID 1 in a container: no harm, the superserver starts another process.
	 */
	state.parent_in_doubt = parent == 1 && !names_us("SYSTEMD_EXEC_PID") && !names_us("LISTEN_PID");
	return true;
}

/* Enters the sandbox, unless a rule may start a program or change this process.  False if the sandbox failed. */
static bool
confined_as_may_be(void)
{
	if (!state.confined && !access_may_run())
		state.confined = sandbox_enter();
	return state.confined || access_may_run();
}

bool
wait_mode_must_leave(void)
{
	/* The sandbox cannot be left: if a rule may now start a program, the superserver's next process must do it. */
	return (state.confined && access_may_run()) || (state.parent_in_doubt && state.tick >= reply_options.idle_seconds);
}

enum status
wait_mode_start(void)
{
	uint64_t seed = 0;
	const void *random = (const void *)getauxval(AT_RANDOM);

	if (!follow_parent())
		return STATUS_SYSTEM;
	if (random != NULL)
		memcpy(&seed, random, sizeof seed);
	verdict_cache_start(&state.verdicts, seed);
	access_stay(wait_mode_may_log);
	access_tables_changed();
	return confined_as_may_be() ? STATUS_DONE : STATUS_SYSTEM;
}

bool
wait_mode_tick(void)
{
	uint32_t passed = (uint32_t)ticks - state.tick;
	uint64_t held;

	state.tick += passed;
	state.idle += passed;
	if (access_tables_changed()) {
		verdict_cache_forget_all(&state.verdicts);
		/* If the sandbox failed, serve nobody. */
		if (!confined_as_may_be())
			exit(STATUS_SYSTEM);
	}
	reply_log_missed();
	held = log_limit_tick(&state.refusals);
	if (held > 0)
		syslog(LOG_WARNING, "suppressed %llu log line%s, such as refusals", (unsigned long long)held, PLURAL(held));
	return !wait_mode_must_leave() && state.idle < reply_options.idle_seconds;
}

bool
wait_mode_ticked(void)
{
	return (uint32_t)ticks != state.tick;
}

uint32_t
wait_mode_now(void)
{
	return state.tick;
}

void
wait_mode_busy(void)
{
	state.idle = 0;
}

bool
wait_mode_may_log(void)
{
	return log_limit_allows(&state.refusals);
}

bool
wait_mode_allows(const union peer *peer, int fd, const char *transport)
{
	enum verdict verdict = verdict_cache_find(&state.verdicts, peer, state.tick);

	if (verdict == VERDICT_UNKNOWN) {
		verdict = access_allows(peer, fd) ? VERDICT_ALLOWED : VERDICT_DENIED;
		if (access_may_cache())
			verdict_cache_keep(&state.verdicts, peer, state.tick, verdict);
	}
	if (verdict == VERDICT_DENIED && wait_mode_may_log())
		reply_log_refusal(peer, transport);
	return verdict == VERDICT_ALLOWED;
}

enum trouble
wait_mode_trouble(int fd, const char *what)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	switch (errno) {
	case EINTR:
	/* accept(2) returns errors that are pending on the new connection: call it again. */
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ECONNREFUSED:
	case EPERM:
		return TROUBLE_NONE;
	case EAGAIN:
		if (!wait_mode_ticked())
			poll(&readable, 1, 1000);
		return TROUBLE_NONE;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		if (wait_mode_may_log())
			syslog(LOG_ERR, "cannot %s: %m", what);
		if (!wait_mode_ticked())
			poll(NULL, 0, 100);
		return TROUBLE_PASSING;
	default:
		syslog(LOG_ERR, "cannot %s: %m", what);
		return TROUBLE_FATAL;
	}
}
