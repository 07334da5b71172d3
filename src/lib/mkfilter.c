/*
 * mkfilter: writes filters.h, the seccomp filters as arrays, when guestclock is built.
 *
 * libseccomp runs here and not in the programs: a filter is the same at every run, and a program that must start fast
 * should neither load a library for it nor compute it.
 *
 * A filter sorts calls into four classes:
 * - allowed: calls that this program and the C library need for their work;
 * - denied: calls that the C library or libwrap may try and can do without.  They fail with EACCES;
 * - dangerous: calls that only an attacker's code would make.  They kill the process;
 * - all others, including new calls of later kernels.  A peer may be able to steer the C library into a call that
 *   nobody foresaw, and that must not end the service: such a call fails with ENOSYS, and its number is recorded for
 *   the log.
 *
 * The kernel makes none of the calls of the last two classes: it sends SIGSYS.  filter.c tells the two apart by the
 * numbers of the dangerous calls, which this program writes.  Rules for each dangerous call would triple the filter,
 * and entering it is a large part of the cost of starting a program.  No filter lets a process change its SIGSYS
 * handler, except in builds with sanitizers.
 *
 * Usage: mkfilter [architecture].  For cross builds: an architecture's name in libseccomp; default: the native one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * TCGETS2, which newer C libraries use instead of TCGETS.  The kernel header that defines it conflicts with the C
 * library's.
 */
#define TERMINAL_GETS2 0x802c542a

#define LENGTH(array) (sizeof (array) / sizeof (array)[0])

/*
 * A call, and the condition on one argument under which it is allowed: (argument & mask) == value.  Without a mask it
 * is always allowed.
 */
struct call {
	const char *name;
	unsigned argument;
	uint64_t mask, value;
};

/* Forbid executable memory. */
#ifdef SANITIZER
#define PROTECTION 0, 0, 0
#else
#define PROTECTION 2, PROT_EXEC, 0
#endif
#define READ_ONLY (O_ACCMODE | O_CREAT | O_TRUNC), O_RDONLY

/* Calls of every process here: input and output on open descriptors, memory, reading clocks, exit. */
static const struct call common[] = {
	{ .name = "read" }, { .name = "write" }, { .name = "writev" }, { .name = "close" }, { .name = "poll" },
	{ .name = "ppoll" }, { .name = "clock_gettime" }, { .name = "gettimeofday" }, { .name = "getpid" },
	{ .name = "exit" }, { .name = "exit_group" }, { .name = "rt_sigreturn" }, { .name = "rt_sigprocmask" },
	{ .name = "restart_syscall" }, { .name = "brk" }, { "mmap", PROTECTION }, { .name = "munmap" },
	{ .name = "fstat" }, { .name = "lseek" }, { .name = "futex" },
	/* the same on 32-bit architectures */
	{ .name = "clock_gettime64" }, { .name = "ppoll_time64" }, { "mmap2", PROTECTION }, { .name = "fstat64" },
	{ .name = "_llseek" }, { .name = "futex_time64" }, { .name = "sigreturn" },
	/* for abort(3), after its message; its tgkill(2) is dangerous (it reaches any process) and kills this one */
	{ .name = "gettid" },
	/* for realloc(3), free(3) of large blocks, and qsort(3) of glibc 2.36, which asks for the amount of memory */
	{ "mremap", 3, ~UINT64_C(0), MREMAP_MAYMOVE }, { "madvise", 2, 0xffffffff, MADV_DONTNEED }, { .name = "sysinfo" },
#ifdef SANITIZER
	{ .name = "tgkill" }, { .name = "newfstatat" }, { .name = "fstatat64" }, { .name = "madvise" },
	{ .name = "mprotect" }, { .name = "mremap" }, { .name = "sigaltstack" },
	{ .name = "sched_yield" }, { .name = "getrusage" }, { .name = "sched_getaffinity" }, { .name = "openat" },
	{ .name = "readlink" }, { .name = "prctl" }, { .name = "clone" }, { .name = "wait4" }, { .name = "getppid" },
	{ .name = "ptrace" }, { .name = "getrlimit" }, { .name = "prlimit64" }, { .name = "sched_getparam" },
	{ .name = "process_vm_readv" }, { .name = "set_robust_list" }, { .name = "rseq" }, { .name = "dup" },
	{ .name = "dup2" }, { .name = "fcntl" }, { .name = "ioctl" }, { .name = "readlinkat" }, { .name = "getdents64" },
	{ .name = "mkdir" }, { .name = "open" }, { .name = "stat" }, { .name = "pipe" }, { .name = "pipe2" },
	{ .name = "rt_sigaction" },
#endif
};

/* No destination address: syslog(3)'s socket and those of UDP and TCP sources are already connected. */
#define CONNECTED 4, ~UINT64_C(0), 0
/* Reading a limit only: the third argument would set one. */
#define NO_NEW_LIMIT 2, ~UINT64_C(0), 0
static const struct call asker[] = {
	{ .name = "send" }, { "sendto", CONNECTED }, { .name = "recv" }, { .name = "recvfrom" }, { .name = "getrandom" },
	{ "prlimit64", NO_NEW_LIMIT },
};
/* pidfd_send_signal(2) reaches only a process of which this one has a pidfd: the network process. */
static const struct call setter[] = {
	{ .name = "send" }, { "sendto", CONNECTED }, { "prlimit64", NO_NEW_LIMIT }, { .name = "adjtimex" }, { .name = "clock_adjtime" },
	{ .name = "clock_adjtime64" }, { .name = "clock_settime" }, { .name = "clock_settime64" },
	{ .name = "settimeofday" }, { .name = "pwrite64" }, { .name = "pread64" }, { .name = "ftruncate" },
	{ .name = "flock" }, { .name = "sched_yield" }, { .name = "pidfd_send_signal" }, { .name = "wait4" },
};
/*
 * Denied calls.  When syslog(3)'s daemon has gone, syslog(3) tries to connect again: the attempt fails and the line is
 * lost, but the request continues.  Looking up a file by name fails as well, and so does the fstat(3) of a C library
 * that implements it by newfstatat(2).
 */
static const char *const unreachable[] = {
	"socket", "connect", "openat", "open",
#ifndef SANITIZER
	"newfstatat", "fstatat64",
#endif
	NULL
};

/* Name lookup: in files, and in DNS over UDP and TCP. */
static const struct call lookup[] = {
	{ .name = "recvfrom" }, { .name = "recvmsg" }, { .name = "sendto" }, { .name = "sendmsg" }, { .name = "sendmmsg" },
	{ .name = "send" }, { .name = "recv" }, { .name = "getpeername" }, { .name = "getsockname" },
	{ .name = "getsockopt" }, { .name = "setsockopt" }, { .name = "connect" }, { .name = "bind" },
	{ "socket", 0, ~UINT64_C(0), AF_UNIX }, { "socket", 0, ~UINT64_C(0), AF_INET },
	{ "socket", 0, ~UINT64_C(0), AF_INET6 }, { "socket", 0, ~UINT64_C(0), AF_NETLINK },
	{ "openat", 2, READ_ONLY }, { "open", 1, READ_ONLY }, { .name = "newfstatat" }, { .name = "fstatat64" },
	{ .name = "faccessat" }, { .name = "faccessat2" }, { .name = "access" }, { .name = "stat" }, { .name = "stat64" },
	{ .name = "statx" }, { .name = "getrandom" }, { .name = "uname" }, { "ioctl", 1, 0xffffffff, FIONREAD },
	/* to end connections to name servers after a time limit (access.c) */
	{ .name = "timer_create" }, { .name = "timer_settime" }, { .name = "timer_settime64" }, { .name = "timer_delete" },
	{ .name = "shutdown" },
	/* for "reorder on" in host.conf(5) */
	{ "ioctl", 1, 0xffffffff, SIOCGIFCONF }, { "ioctl", 1, 0xffffffff, SIOCGIFNETMASK },
	/* for the interface in an address with a scope, such as fe80::1%eth0 */
	{ "ioctl", 1, 0xffffffff, SIOCGIFNAME }, { "ioctl", 1, 0xffffffff, SIOCGIFINDEX },
	{ "fcntl", 1, 0xffffffff, F_GETFL }, { "fcntl", 1, 0xffffffff, F_SETFL }, { "fcntl", 1, 0xffffffff, F_GETFD },
	{ "fcntl", 1, 0xffffffff, F_SETFD }, { .name = "getuid" }, { .name = "geteuid" }, { .name = "getgid" },
	{ .name = "getegid" }, { .name = "getppid" },
};
/* After the lookup, the network process limits itself further. */
static const struct call resolver[] = {
	{ "prlimit64", 0, ~UINT64_C(0), 0 }, { .name = "setrlimit" }, { .name = "seccomp" },
	{ "prctl", 0, ~UINT64_C(0), PR_SET_SECCOMP },
};

/* in.timed answers, reads hosts.allow and hosts.deny, looks up names and logs while it serves. */
static const struct call server[] = {
	{ .name = "accept4" }, { .name = "recvmmsg" }, { .name = "recvmmsg_time64" },
	/* stdio asks whether a device is a terminal: a table or standard error may be /dev/null */
	{ "ioctl", 1, 0xffffffff, TCGETS }, { "ioctl", 1, 0xffffffff, TERMINAL_GETS2 },
	{ "prlimit64", NO_NEW_LIMIT },
	/* If twist or aclexec cannot start its program, libwrap sleeps five seconds and then exits */
	{ .name = "nanosleep" }, { .name = "clock_nanosleep" }, { .name = "clock_nanosleep_time64" },
	/* -s reads the kernel's clock state; setting it would need a capability that in.timed has given up */
	{ .name = "adjtimex" }, { .name = "clock_adjtime" }, { .name = "clock_adjtime64" },
};
static const char *const none[] = { NULL };
/* Denied calls: an option in an edited hosts.allow may try them before in.timed has noticed the edit and exited. */
static const char *const forbidden[] = {
	"fork", "vfork", "clone", "clone3", "execve", "execveat", "setuid", "setgid", "setgroups", "setuid32", "setgid32",
	"setgroups32", "umask", "setpriority", NULL
};

/* If a filter allows a call with some values of an argument, as for mmap(2), all other values are dangerous. */
static const char *const dangerous[] = {
	/* programs and processes */
	"execve", "execveat", "fork", "vfork", "clone", "clone3", "kill", "tkill", "tgkill", "rt_sigqueueinfo",
	"rt_tgsigqueueinfo", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "ptrace", "process_vm_readv", "process_vm_writev",
	"process_madvise", "personality",
	/* code, and the kernel's own interpreters */
	"mmap", "mmap2", "mprotect", "pkey_mprotect", "remap_file_pages", "memfd_create", "memfd_secret", "shmget", "shmat",
	"modify_ldt", "userfaultfd", "bpf", "perf_event_open", "io_uring_setup", "io_uring_enter", "io_uring_register",
	/* privileges */
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "setuid32",
	"setgid32", "setreuid32", "setregid32", "setresuid32", "setresgid32", "setfsuid32", "setfsgid32", "setgroups32",
	"capset", "prctl", "seccomp", "keyctl", "add_key", "request_key", "unshare", "setns", "chroot", "pivot_root",
	"prlimit64", "setrlimit",
	/* files */
	"open", "openat", "creat", "open_by_handle_at", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link",
	"linkat", "symlink", "symlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "chmod", "fchmod", "fchmodat",
	"fchmodat2", "chown", "chown32", "fchown", "fchown32", "lchown", "lchown32", "fchownat", "truncate", "truncate64",
	/* the network: an address of an attacker's choice, a service of the attacker's own */
	"socket", "connect", "sendto", "sendmsg", "sendmmsg", "bind", "listen",
	/* the system */
	"mount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "reboot", "kexec_load", "kexec_file_load",
	"init_module", "finit_module", "delete_module", "ioperm", "iopl",
	/* clocks */
	"adjtimex", "clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64", "settimeofday", "stime",
};

static void
fail(const char *what, int error)
{
	fprintf(stderr, "mkfilter: %s: %s\n", what, strerror(error));
	exit(111);
}

static void
add(scmp_filter_ctx context, uint32_t action, const struct call *call)
{
	int number = seccomp_syscall_resolve_name(call->name);
	struct scmp_arg_cmp compare = SCMP_CMP(call->argument, SCMP_CMP_MASKED_EQ, call->mask, call->value);
	int error;

	/* Not every architecture has every call. */
	if (number == __NR_SCMP_ERROR)
		return;
	error = call->mask != 0 ? seccomp_rule_add(context, action, number, 1, compare) :
	    seccomp_rule_add(context, action, number, 0);
	/* The lists for sanitizers repeat some calls: the first rule stays in force. */
	if (error != 0 && error != -EEXIST)
		fail(call->name, -error);
}

static scmp_filter_ctx
new_filter(uint32_t architecture)
{
	/* The architectures whose result register filter.c knows. */
	bool trap = architecture == SCMP_ARCH_X86_64 || architecture == SCMP_ARCH_X86 || architecture == SCMP_ARCH_AARCH64 ||
	    architecture == SCMP_ARCH_ARM;
	scmp_filter_ctx context = seccomp_init(trap ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(ENOSYS));
	int error;

	if (context == NULL)
		fail("seccomp_init", EINVAL);
	if (architecture != seccomp_arch_native()) {
		error = seccomp_arch_remove(context, SCMP_ARCH_NATIVE);
		if (error == 0)
			error = seccomp_arch_add(context, architecture);
		if (error != 0)
			fail("seccomp_arch_add", -error);
	}
	/* A binary tree: on entering, the kernel runs the filter once for each system call: most of the cost. */
	error = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* The same number means another call on another architecture. */
	if (error == 0)
		error = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (error != 0)
		fail("seccomp_attr_set", -error);
	return context;
}

/* Calls that a filter allows. */
struct calls {
	const struct call *call;
	size_t count;
};
#define CALLS(array) { (array), LENGTH(array) }

/*
 * Prints a filter called NAME that allows the common calls and the two lists in ALLOWED, and makes those in DENIED fail
 * with EACCES.
 */
static void
print_filter(const char *name, const struct calls allowed[2], const char *const *denied, uint32_t architecture)
{
	scmp_filter_ctx context = new_filter(architecture);
	struct sock_filter instruction;
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int error;

	if (fd < 0)
		fail("memfd_create", errno);
	for (size_t at = 0; at < LENGTH(common); at++)
		add(context, SCMP_ACT_ALLOW, &common[at]);
	for (size_t list = 0; list < 2; list++)
		for (size_t at = 0; at < allowed[list].count; at++)
			add(context, SCMP_ACT_ALLOW, &allowed[list].call[at]);
	for (; *denied != NULL; denied++)
		add(context, SCMP_ACT_ERRNO(EACCES), &(struct call){ .name = *denied });
	/* filter.c makes this call to kill the process. */
	add(context, SCMP_ACT_KILL_PROCESS, &(struct call){ .name = "tkill" });
	error = seccomp_export_bpf(context, fd);
	if (error != 0)
		fail("seccomp_export_bpf", -error);
	seccomp_release(context);
	lseek(fd, 0, SEEK_SET);
	printf("static struct sock_filter %s[] = {\n", name);
	while (read(fd, &instruction, sizeof instruction) == (ssize_t)sizeof instruction)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", instruction.code, instruction.jt, instruction.jf, instruction.k);
	printf("};\n");
	close(fd);
}

/* Prints the numbers of the dangerous calls as a bit set. */
static void
print_dangerous(uint32_t architecture)
{
	unsigned char set[128] = { 0 };

	for (size_t at = 0; at < LENGTH(dangerous); at++) {
		int number = seccomp_syscall_resolve_name_arch(architecture, dangerous[at]);

		/* A negative number: this architecture lacks the call. */
		if (number >= (int)sizeof set * 8)
			fail(dangerous[at], ERANGE);
		if (number >= 0)
			set[number / 8] |= (unsigned char)(1U << number % 8);
	}
	printf("static const unsigned char filter_dangerous[] = {");
	for (size_t at = 0; at < sizeof set; at++)
		printf("%s0x%02x,", at % 16 == 0 ? "\n\t" : " ", set[at]);
	printf("\n};\n");
}

/* Prints the names of system calls, for a debug build that names the forbidden ones. */
static void
print_names(uint32_t architecture)
{
	printf("#ifdef FILTER_DEBUG\nstatic const char *const filter_names[1024] = {\n");
	for (int number = 0; number < 1024; number++) {
		char *name = seccomp_syscall_resolve_num_arch(architecture, number);

		if (name != NULL)
			printf("\t[%d] = \"%s\",\n", number, name);
		free(name);
	}
	printf("};\n#endif\n");
}

int
main(int argc, char **argv)
{
	uint32_t architecture = argc > 1 ? seccomp_arch_resolve_name(argv[1]) : seccomp_arch_native();

	if (architecture == 0)
		fail(argv[1], EINVAL);
	printf("/* Made by mkfilter.  Do not edit. */\n");
	print_filter("filter_resolver", (const struct calls[2]){ CALLS(lookup), CALLS(resolver) }, none, architecture);
	print_filter("filter_asker", (const struct calls[2]){ CALLS(asker) }, unreachable, architecture);
	print_filter("filter_setter", (const struct calls[2]){ CALLS(setter) }, unreachable, architecture);
	print_filter("filter_server", (const struct calls[2]){ CALLS(lookup), CALLS(server) }, forbidden, architecture);
	print_dangerous(architecture);
	print_names(architecture);
	return fflush(stdout) == 0 ? 0 : 111;
}
