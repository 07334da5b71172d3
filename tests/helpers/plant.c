/*
 * Linked into a program with ld's --wrap, this wraps some of the program's own functions and makes a system call there
 * that the program never makes: the call that PLANT names, in the function that PLANT_IN names, PLANT_TIMES times.  If
 * the call returns, it prints the result on standard error; that of a child process, which has no standard error, is
 * printed when the program ends.  The arguments are such that the kernel would do nothing if a filter allowed the call,
 * or such that only the program itself notices.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/exchange.h"
#include "lib/rfc868.h"
#include "set/correct.h"
#include "set/query.h"

static const struct timespec no_time = { 0, -1 };
static const struct timeval no_timeval = { 0, -1 };
static const struct sockaddr_un log_socket = { AF_UNIX, "/dev/log" };

/* What a child sends to its parent instead of an answer. */
static const char zeros[4096];
static char endless[4096];

#define NOWHERE (-1)
static const struct planted {
	const char *name;
	long number, argument[6];
} calls[] = {
	{ "getpid", SYS_getpid, { 0 } },
	/* harmless calls that no filter lists */
	{ "times", SYS_times, { 0 } },
	{ "getpriority", SYS_getpriority, { PRIO_PROCESS, 0 } },
	{ "a call of the future", 900, { 0 } },
	/* the clock */
	{ "clock_settime", SYS_clock_settime, { CLOCK_REALTIME, (long)&no_time } },
	{ "clock_adjtime", SYS_clock_adjtime, { CLOCK_REALTIME, 0 } },
	{ "adjtimex", SYS_adjtimex, { 0 } },
	{ "settimeofday", SYS_settimeofday, { (long)&no_timeval, 0 } },
	/* programs and processes */
	{ "execve", SYS_execve, { (long)"/nonexistent", 0, 0 } },
	{ "execveat", SYS_execveat, { NOWHERE, (long)"", 0, 0, AT_EMPTY_PATH } },
	{ "clone", SYS_clone, { SIGCHLD, 0 } },
	{ "clone3", SYS_clone3, { 0, 0 } },
	{ "kill", SYS_kill, { 1, 0 } },
	{ "tgkill", SYS_tgkill, { 1, 1, 0 } },
	{ "tkill", SYS_tkill, { 1, 0 } },
	{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, { 1, 0, 0 } },
	{ "ptrace", SYS_ptrace, { PTRACE_TRACEME } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1, 0, 0, 0, 0, 0 } },
	{ "process_vm_writev", SYS_process_vm_writev, { 1, 0, 0, 0, 0, 0 } },
	{ "pidfd_getfd", SYS_pidfd_getfd, { NOWHERE, 0, 0 } },
	{ "pidfd_open", SYS_pidfd_open, { 1, 0 } },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, { NOWHERE, 0, 0, 0 } },
	/* privileges */
	{ "setresuid", SYS_setresuid, { -1, -1, -1 } },
	{ "setuid", SYS_setuid, { -1 } },
	{ "setgroups", SYS_setgroups, { -1, 0 } },
	{ "capset", SYS_capset, { 0, 0 } },
	{ "keyctl", SYS_keyctl, { -1 } },
	{ "setns", SYS_setns, { NOWHERE, 0 } },
	{ "chroot", SYS_chroot, { (long)"/nonexistent" } },
	{ "pivot_root", SYS_pivot_root, { (long)"/nonexistent", (long)"/nonexistent" } },
	{ "prctl", SYS_prctl, { PR_GET_DUMPABLE } },
	{ "seccomp", SYS_seccomp, { 99, 0, 0 } },
	{ "prlimit64", SYS_prlimit64, { 1, 99, (long)&no_time, 0 } },
	{ "unshare", SYS_unshare, { 0 } },
	{ "bpf", SYS_bpf, { -1, 0, 0 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 0, 0 } },
	{ "userfaultfd", SYS_userfaultfd, { -1 } },
	{ "perf_event_open", SYS_perf_event_open, { 0, 0, 0, NOWHERE, 0 } },
	{ "memfd_create", SYS_memfd_create, { 0, 0 } },
	{ "shmat", SYS_shmat, { NOWHERE, 0, 0 } },
	{ "mmap executable", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "mprotect", SYS_mprotect, { 0, 0, PROT_READ | PROT_EXEC } },
	/* files */
	{ "openat", SYS_openat, { AT_FDCWD, (long)"/", O_RDONLY } },
	{ "openat of a private file", SYS_openat, { AT_FDCWD, (long)"/etc/private", O_RDONLY } },
	{ "openat to write", SYS_openat, { AT_FDCWD, (long)"/", O_WRONLY } },
	{ "openat to create", SYS_openat, { AT_FDCWD, (long)"/", O_RDONLY | O_CREAT } },
	{ "newfstatat", SYS_newfstatat, { AT_FDCWD, (long)"/nonexistent", 0, 0 } },
	{ "pkey_mprotect", SYS_pkey_mprotect, { 0, 0, PROT_READ | PROT_EXEC, -1 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { NOWHERE, 0, 0 } },
	{ "renameat2", SYS_renameat2, { AT_FDCWD, (long)"/nonexistent", AT_FDCWD, (long)"/nonexistent", 0 } },
	{ "linkat", SYS_linkat, { AT_FDCWD, (long)"/nonexistent", AT_FDCWD, (long)"/nonexistent", 0 } },
	{ "symlinkat", SYS_symlinkat, { (long)"", AT_FDCWD, (long)"" } },
	{ "mkdirat", SYS_mkdirat, { AT_FDCWD, (long)"/", 0 } },
	{ "mknodat", SYS_mknodat, { AT_FDCWD, (long)"/", 0, 0 } },
	{ "fchmodat", SYS_fchmodat, { AT_FDCWD, (long)"/nonexistent", 0 } },
	{ "fchownat", SYS_fchownat, { AT_FDCWD, (long)"/nonexistent", -1, -1, 0 } },
	{ "truncate", SYS_truncate, { (long)"/", 0 } },
	{ "unlinkat", SYS_unlinkat, { AT_FDCWD, (long)"/nonexistent", 0 } },
	{ "mount", SYS_mount, { 0, 0, 0, 0, 0 } },
	{ "open_tree", SYS_open_tree, { NOWHERE, 0, 0 } },
	{ "reboot", SYS_reboot, { 0, 0, 0, 0 } },
	{ "kexec_load", SYS_kexec_load, { 0, -1, 0, 0 } },
	{ "init_module", SYS_init_module, { 0, 0, 0 } },
	{ "finit_module", SYS_finit_module, { NOWHERE, 0, 0 } },
#ifdef __x86_64__
	{ "iopl", SYS_iopl, { 99 } },
	{ "x32", 0x40000000 | SYS_getpid, { 0 } },
#endif
	/* the network */
	{ "socket", SYS_socket, { AF_INET, SOCK_DGRAM, 0 } },
	{ "local socket", SYS_socket, { AF_UNIX, SOCK_DGRAM, 0 } },
	{ "socket of packets", SYS_socket, { AF_PACKET, SOCK_DGRAM, 0 } },
	{ "connect", SYS_connect, { NOWHERE, (long)&log_socket, sizeof log_socket } },
	{ "bind", SYS_bind, { NOWHERE, (long)&log_socket, sizeof log_socket } },
	{ "listen", SYS_listen, { NOWHERE, 1 } },
	{ "sendto", SYS_sendto, { NOWHERE, 0, 0, 0, 0, 0 } },
	{ "sendto an address", SYS_sendto, { NOWHERE, 0, 0, 0, (long)&log_socket, sizeof log_socket } },
	{ "sendmsg", SYS_sendmsg, { NOWHERE, 0, 0 } },
	/* no answer of a child, or a wrong one */
	{ "exit", SYS_exit_group, { 0 } },
	{ "answer zeros", SYS_write, { STDOUT_FILENO, (long)zeros, sizeof zeros } },
	{ "answer an endless name", SYS_write, { STDOUT_FILENO, (long)endless, sizeof endless } },
};

static const struct planted *planted;
static char place[32];
static int count = 1;

/* Shared by a process and its children. */
static struct {
	pid_t process;
	char line[80];
} *shared;

static void
tell(void)
{
	size_t length = strlen(shared->line);

	if (length > 0 && write(STDERR_FILENO, shared->line, length) != (ssize_t)length)
		_exit(2);
}

/* Runs before main, which clears the environment. */
__attribute__((constructor)) static void
choose(void)
{
	const char *name = getenv("PLANT"), *where = getenv("PLANT_IN"), *times = getenv("PLANT_TIMES");

	if (times != NULL)
		count = atoi(times);
	if (name == NULL || where == NULL)
		return;
	snprintf(place, sizeof place, "%s", where);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || atexit(tell) != 0)
		_exit(2);
	shared->process = getpid();
	memset(endless + sizeof(int32_t), 'a', sizeof endless - sizeof(int32_t));
	for (size_t at = 0; at < sizeof calls / sizeof calls[0]; at++)
		if (strcmp(calls[at].name, name) == 0)
			planted = &calls[at];
	if (planted == NULL) {
		fprintf(stderr, "plant: unknown call %s\n", name);
		_exit(2);
	}
}

static void
plant(const char *where)
{
	const long *argument;
	char line[sizeof shared->line];
	long result = 0;
	int length, error;

	if (planted == NULL || strcmp(place, where) != 0)
		return;
	argument = planted->argument;
	for (int left = count; left > 0; left--)
		result = syscall(planted->number, argument[0], argument[1], argument[2], argument[3], argument[4],
		    argument[5]);
	error = result == -1 ? errno : 0;
	if (planted->number == SYS_clone && result == 0)
		_exit(0);
	length = snprintf(line, sizeof line, "planted %s: %s\n", planted->name, error == 0 ? "done" : error == EACCES ? "EACCES" :
	    error == ENOSYS ? "ENOSYS" : "failed");
	planted = NULL;
	if (getpid() != shared->process)
		memcpy(shared->line, line, sizeof line);
	else if (write(STDERR_FILENO, line, (size_t)length) != length)
		_exit(2);
}

/* Weak references: not every program has all of these functions. */
#define WRAP(type, name, parameters, arguments) \
	type __real_##name parameters __attribute__((weak)); \
	type __wrap_##name parameters; \
	type \
	__wrap_##name parameters \
	{ \
		plant(#name); \
		return __real_##name arguments; \
	}

WRAP(bool, access_look_up, (struct access_name *found), (found))
WRAP(void, query_open, (struct query *client, const struct rdate_request *request, int64_t pivot,
    struct query_answer *answer), (client, request, pivot, answer))
WRAP(void, query_ask, (struct query *client, struct query_answer *answer), (client, answer))
WRAP(enum status, correct_clock, (const struct clock_reading *since, struct interval offset, nanoseconds delay,
    nanoseconds slew_below, const struct set_options *options, struct guest_clock *run, struct correction *result),
    (since, offset, delay, slew_below, options, run, result))
WRAP(bool, exchange_parse_order, (const char *line, size_t length, struct exchange_order *order, bool *range),
    (line, length, order, range))
WRAP(void, rfc868_encode, (int64_t seconds, uint8_t octets[RFC868_OCTETS]), (seconds, octets))
