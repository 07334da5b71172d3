/*
 * inject: runs a program and makes one of its system calls fail, or kills the program at that call.
 *
 *	inject [-m] [-1] [-t] [-n MOUNTS] [-r RESOURCE=LIMIT] [-f FAULT] [-0 NAME] [-e ENVIRONMENT]
 *		RESULT PROGRAM [ARGUMENT...]
 *
 * strace's injection does not work here: it replaces the call's number by -1, for which a system call filter kills the
 * process.  This program replaces a call that shall fail by getpid(2), which every filter allows, and then overwrites
 * its result.
 *
 * FAULT is PROCESS:CALL:OCCURRENCE:ACTION.  PROCESS counts from 0 in the order of forks.  CALL is a number.  OCCURRENCE
 * counts from 1; with a + after it, it means this and all later ones.  ACTION is one of
 *	eNUMBER	fails with this errno		rNUMBER	is not made and returns this
 *	lNUMBER	third argument at most this (a short read or write that really happens)
 *	aNUMBER	first argument is this (brk with 0 gets no memory)
 *	k	the process is killed before the call		K	killed after it
 *
 * -0 NAME: argv[0].  With an empty NAME (-0 '') and no arguments, argv is empty.
 * -e: a file with the environment; each string ends in a NUL.
 * -m: calls count from the one by which fake-clock.c marks the begin of main.
 * -1: forked processes are not traced.
 * -t: RESULT gets a line for each call.
 * -n: the program runs in this mount namespace.
 * -r: a resource limit, which is set when calls begin to count.
 *
 * SIGTERM is passed on to the program.  SIGUSR1 sends it three SIGALRM, one each time it waits again; SIGUSR2 sends
 * forty.  The last line of RESULT:
 *	hit HITS status STATUS signal SIGNAL timeout 0|1 left PROCESSES calls CALLS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the registers of this architecture are not known here"
#endif

#define PROCESSES 8
#define CALLS 600
#define PATIENCE_MS 15000
/* How long forked processes may outlive the first process. */
#define LINGER_MS 1000
#define TICKS 3
#define TICKS_MANY 40

static struct process {
	pid_t pid;
	bool alive, started, overwrite, killed, changed, inside;
	long result;
	unsigned long long call, arguments[3];
	unsigned seen[CALLS];
} processes[PROCESSES];
static int count;

static struct {
	int process, call;
	unsigned occurrence;
	bool onward;
	char action;
	long number;
} fault = { .process = -1 };

static bool marked, alone, tracing, armed;
static int resource = -1;
static struct rlimit limit;
static FILE *result;
static unsigned hits, calls;
static volatile sig_atomic_t terminate, tick;
static int ticks_left;

static void
die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(3);
}

static void
on_signal(int number)
{
	if (number == SIGTERM)
		terminate = 1;
	else if (number == SIGUSR1)
		tick = TICKS;
	else if (number == SIGUSR2)
		tick = TICKS_MANY;
}

static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct process *
process_of(pid_t pid)
{
	for (int at = 0; at < count; at++)
		if (processes[at].pid == pid)
			return &processes[at];
	if (count == PROCESSES) {
		fprintf(stderr, "inject: more processes than expected\n");
		exit(3);
	}
	processes[count] = (struct process){ .pid = pid, .alive = true };
	return &processes[count++];
}

static void
poke(const struct process *process, size_t place, unsigned long long value)
{
	if (ptrace(PTRACE_POKEUSER, process->pid, place, value) != 0 && errno != ESRCH)
		die("PTRACE_POKEUSER");
}

#define REGISTER(name) offsetof(struct user_regs_struct, name)

static void
arm(const struct process *process)
{
	armed = true;
	if (resource >= 0 && prlimit(process->pid, (enum __rlimit_resource)resource, &limit, NULL) != 0)
		die("prlimit");
}

/* Sends the next SIGALRM only to a program that waits for a client: by then it has a handler. */
static void
give_tick(struct process *process)
{
	if (ticks_left == 0 || (process->call != SYS_accept4 && process->call != SYS_recvmmsg))
		return;
	ticks_left--;
	kill(process->pid, SIGALRM);
}

static void
entered(struct process *process)
{
	unsigned occurrence;

	if (!armed || process->call >= CALLS)
		return;
	calls++;
	occurrence = ++process->seen[process->call];
	give_tick(process);
	if (fault.process != process - processes || fault.call != (int)process->call ||
	    !(occurrence == fault.occurrence || (fault.onward && occurrence > fault.occurrence)))
		return;
	hits++;
	switch (fault.action) {
	case 'e':
	case 'r':
		poke(process, REGISTER(orig_rax), SYS_getpid);
		process->overwrite = true;
		process->result = fault.action == 'e' ? -fault.number : fault.number;
		break;
	case 'l':
		if (process->arguments[2] > (unsigned long long)fault.number)
			poke(process, REGISTER(rdx), (unsigned long long)fault.number);
		process->changed = true;
		break;
	case 'a':
		poke(process, REGISTER(rdi), (unsigned long long)fault.number);
		process->changed = true;
		break;
	case 'k':
		kill(process->pid, SIGKILL);
		break;
	case 'K':
		process->killed = true;
		break;
	default:
		break;
	}
}

static void
left(struct process *process, long got)
{
	if (process->killed)
		kill(process->pid, SIGKILL);
	if (process->overwrite)
		poke(process, REGISTER(rax), (unsigned long long)process->result);
	if (process->changed) {
		/* Compilers rely on a call leaving its arguments in their registers. */
		poke(process, REGISTER(rdi), process->arguments[0]);
		poke(process, REGISTER(rdx), process->arguments[2]);
	}
	if (tracing && armed && process->call < CALLS)
		fprintf(result, "call %td %llu %lld %lld %lld %ld\n", process - processes, process->call,
		    (long long)process->arguments[0], (long long)process->arguments[1], (long long)process->arguments[2],
		    process->overwrite ? process->result : got);
	process->overwrite = process->changed = process->inside = false;
	if (marked && !armed && process->call == SYS_getpgid)
		arm(process);
}

static void
at_call(struct process *process)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof info, &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		process->call = info.entry.nr;
		process->inside = true;
		memcpy(process->arguments, info.entry.args, sizeof process->arguments);
		/* A call that never returns must be recorded now. */
		if (tracing && armed && (process->call == SYS_exit_group || process->call == SYS_exit))
			fprintf(result, "call %td %llu 0 0 0 0\n", process - processes, process->call);
		entered(process);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		left(process, info.exit.rval);
}

/* Handles a process that has stopped.  Returns the signal to deliver to it, or 0. */
static int
stopped(struct process *process, int status)
{
	int number = WSTOPSIG(status), event = status >> 16;

	if (number == (SIGTRAP | 0x80)) {
		at_call(process);
		return 0;
	}
	if (event == PTRACE_EVENT_EXEC && !marked && !armed)
		arm(process);
	if (event != 0)
		return 0;
	if (number == SIGSTOP && !process->started) {
		process->started = true;
		return 0;
	}
	return number;
}

static bool
any_alive(void)
{
	for (int at = 0; at < count; at++)
		if (processes[at].alive)
			return true;
	return false;
}

static void
parse_fault(const char *text)
{
	char plus[2] = "";

	if (sscanf(text, "%d:%d:%u:%c%ld", &fault.process, &fault.call, &fault.occurrence, &fault.action, &fault.number) < 4 &&
	    sscanf(text, "%d:%d:%u%1[+]:%c%ld", &fault.process, &fault.call, &fault.occurrence, plus, &fault.action,
	    &fault.number) < 5) {
		fprintf(stderr, "inject: fault \"%s\": expected PROCESS:CALL:OCCURRENCE:ACTION\n", text);
		exit(2);
	}
	fault.onward = plus[0] == '+';
}

static void
start(const char *program, char **arguments, const char *mounts, const char *environment)
{
	/* Without close_range(2), a program closes descriptors one by one, and the tracer stops it twice for each. */
	static const struct rlimit few = { 256, 256 };
	static char text[1 << 21], *strings[20000];
	size_t used = 0, count_strings = 0;
	int fd;

	if (environment != NULL) {
		FILE *file = fopen(environment, "re");

		if (file == NULL)
			die(environment);
		used = fread(text, 1, sizeof text - 1, file);
		fclose(file);
		for (char *at = text; at < text + used && count_strings < 19999; at += strlen(at) + 1)
			strings[count_strings++] = at;
	}

	if (mounts != NULL && ((fd = open(mounts, O_RDONLY | O_CLOEXEC)) < 0 || setns(fd, CLONE_NEWNS) != 0))
		die(mounts);
	if (setrlimit(RLIMIT_NOFILE, &few) != 0 || ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
		die("PTRACE_TRACEME");
	raise(SIGSTOP);
	execve(program, arguments, strings);
	die(program);
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct itimerval look = { { 0, 5000 }, { 0, 5000 } };
	long end;
	int option, final = 0;
	const char *mounts = NULL, *environment = NULL, *program;
	char *name = NULL;
	bool timeout = false;
	pid_t first;

	while ((option = getopt(argc, argv, "+m1tn:r:f:0:e:")) != -1)
		switch (option) {
		case 'm':
			marked = true;
			break;
		case '1':
			alone = true;
			break;
		case 't':
			tracing = true;
			break;
		case 'n':
			mounts = optarg;
			break;
		case 'r':
			if (sscanf(optarg, "%d=%lu", &resource, &limit.rlim_cur) != 2)
				return 2;
			limit.rlim_max = limit.rlim_cur;
			break;
		case '0':
			name = optarg;
			break;
		case 'e':
			environment = optarg;
			break;
		case 'f':
			parse_fault(optarg);
			break;
		default:
			return 2;
		}
	if (argc - optind < 2)
		return 2;
	result = fopen(argv[optind], "we");
	if (result == NULL)
		die(argv[optind]);
	first = fork();
	if (first < 0)
		die("fork");
	if (first == 0) {
		program = argv[optind + 1];
		if (name != NULL)
			argv[optind + 1] = *name != '\0' || argc - optind > 2 ? name : NULL;
		start(program, argv + optind + 1, mounts, environment);
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &look, NULL);
	process_of(first);
	end = now_ms() + PATIENCE_MS;
	while (any_alive()) {
		int status, pass;
		struct process *process;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (terminate && processes[0].alive) {
			terminate = 0;
			kill(first, SIGTERM);
		}
		if (tick && processes[0].alive) {
			ticks_left = tick;
			tick = 0;
			if (processes[0].inside)
				give_tick(&processes[0]);
		}
		if (now_ms() >= end) {
			timeout = processes[0].alive;
			break;
		}
		if (pid < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		process = process_of(pid);
		if (!WIFSTOPPED(status)) {
			process->alive = false;
			if (pid == first) {
				final = status;
				end = now_ms() + LINGER_MS;
			}
			continue;
		}
		if (pid == first && !process->started && ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD |
		    PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL | (alone ? 0 : PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		    PTRACE_O_TRACECLONE)) != 0)
			die("PTRACE_SETOPTIONS");
		pass = stopped(process, status);
		ptrace(PTRACE_SYSCALL, pid, 0, pass);
	}
	int remaining = 0;
	for (int at = 0; at < count; at++)
		if (processes[at].alive) {
			remaining += at > 0 || timeout;
			fprintf(result, "alive %d in call %llu\n", at, processes[at].call);
			kill(processes[at].pid, SIGKILL);
		}
	fprintf(result, "hit %u status %d signal %d timeout %d left %d calls %u\n", hits,
	    WIFEXITED(final) ? WEXITSTATUS(final) : -1, WIFSIGNALED(final) ? WTERMSIG(final) : 0, timeout, remaining, calls);
	return fclose(result) == 0 ? 0 : 3;
}
