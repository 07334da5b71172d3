/* System call filters: see filter.h. */
#include "lib/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "filters.h"
#include "lib/status.h"

#define PROGRAM(code) { .len = sizeof (code) / sizeof (code)[0], .filter = (code) }

/* The register that holds a system call's result.  On other architectures the filter makes the kernel return ENOSYS. */
#if defined __x86_64__ && !defined __ILP32__
#define RESULT(context) (context)->uc_mcontext.gregs[REG_RAX]
#elif defined __i386__
#define RESULT(context) (context)->uc_mcontext.gregs[REG_EAX]
#elif defined __aarch64__
#define RESULT(context) (context)->uc_mcontext.regs[0]
#elif defined __arm__
#define RESULT(context) (context)->uc_mcontext.arm_r0
#endif

static bool disabled;
#ifdef RESULT
static volatile struct filter_missed noted[FILTER_MISSED];
#endif

void
filter_disable(void)
{
	disabled = true;
}

#ifdef RESULT
/*
 * Handles SIGSYS for a call that the filter does not allow.  The signal can interrupt any function of the C library, so
 * only functions that are safe in a signal handler may be called here.  An attacker's code that jumps here, or forges
 * what this function reads, gains nothing: the kernel has not made the call.
 */
static void
call_trapped(int signal, siginfo_t *info, void *context)
{
	unsigned call = (unsigned)info->si_syscall;

	(void)signal;
	/* A SIGSYS from kill(2) reports no system call. */
	if (info->si_code != 1 /* SYS_SECCOMP, which only newer C libraries define */)
		return;
#ifdef FILTER_DEBUG
	if (call < sizeof filter_names / sizeof filter_names[0] && filter_names[call] != NULL)
		(void)!(write(STDERR_FILENO, filter_names[call], strlen(filter_names[call])) > 0 &&
		    write(STDERR_FILENO, ": the filter forbids this system call\n", 38) > 0);
#endif
	if (call < sizeof filter_dangerous * 8 && (filter_dangerous[call / 8] >> call % 8 & 1) != 0) {
		/* Every filter makes the kernel kill the process at tkill(2); _exit() follows if it does not. */
		syscall(SYS_tkill, 0, 0);
		_exit(STATUS_SYSTEM);
	}
	for (int at = 0; at < FILTER_MISSED; at++) {
		if (noted[at].times != 0 && noted[at].call != info->si_syscall)
			continue;
		noted[at].call = info->si_syscall;
		if (noted[at].times < UINT32_MAX)
			noted[at].times++;
		break;
	}
	/* The register's type is unsigned on some of these architectures and signed on others. */
	RESULT((ucontext_t *)context) = (__typeof__(RESULT((ucontext_t *)context)))-ENOSYS;
}
#endif

bool
filter_next_missed(struct filter_missed *missed)
{
#ifdef RESULT
	static int next;

	if (next < FILTER_MISSED && noted[next].times != 0) {
		missed->call = noted[next].call;
		missed->times = noted[next].times;
		next++;
		return true;
	}
#endif
	missed->times = 0;
	return false;
}

void
filter_all_missed(struct filter_missed missed[FILTER_MISSED])
{
	for (int at = 0; at < FILTER_MISSED && filter_next_missed(&missed[at]); at++)
		continue;
}

int
filter_enter(enum filter filter)
{
	static const struct sock_fprog programs[] = {
		[FILTER_RESOLVER] = PROGRAM(filter_resolver), [FILTER_ASKER] = PROGRAM(filter_asker),
		[FILTER_SETTER] = PROGRAM(filter_setter), [FILTER_SERVER] = PROGRAM(filter_server)
	};
#ifdef RESULT
	static const struct sigaction on_trapped = { .sa_sigaction = call_trapped, .sa_flags = SA_SIGINFO };
	static bool ready;
#endif

	if (disabled)
		return 0;
#ifdef RESULT
	/* Only once: after the first filter, sigaction(2) fails. */
	if (!ready && sigaction(SIGSYS, &on_trapped, NULL) != 0)
		return errno;
	ready = true;
#endif
	/*
	 * Without SPEC_ALLOW, a kernel before 5.16 restricts speculative execution for a process that enters a filter, and
	 * so slows the process down.  This restriction guards against untrusted code in a process; this process runs none.
	 */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &programs[filter]) == 0)
		return 0;
	/* A kernel before 4.17 lacks that flag.  An outer filter may forbid seccomp(2) and allow prctl(2). */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &programs[filter]) == 0 ? 0 : errno;
}

void
filter_describe(int error, char text[FILTER_TEXT])
{
	/* A kernel without seccomp returns ENOSYS or EINVAL; a container's filter may return any of the four. */
	bool none = error == ENOSYS || error == EINVAL || error == EPERM || error == EACCES;

	snprintf(text, FILTER_TEXT, none ? "this kernel or container offers no system call filter (seccomp): %s; "
	    "the option --no-filter runs this program without one" : "cannot enter the system call filter: %s", strerror(error));
}
