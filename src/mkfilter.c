/*
 * mkfilter: writes filters.h, the seccomp filters as arrays, when guestclock is built.
 *
 * libseccomp does the work here and not in the programs: a filter is the same at every run, and a program that must
 * start fast should neither load a library for it nor compute it.  Default: kill the process.
 *
 * Usage: mkfilter [architecture], for cross builds with a name that libseccomp knows; default the native one.
 */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LENGTH(array) (sizeof (array) / sizeof (array)[0])

/* What any process here does: talk over descriptors that it has, read clocks, end. */
static const char *const common[] = {
	"read", "write", "writev", "close", "poll", "ppoll", "clock_gettime", "gettimeofday", "getpid", "exit",
	"exit_group", "rt_sigreturn", "rt_sigprocmask", "restart_syscall", "brk", "mmap", "munmap", "fstat",
	"newfstatat", "lseek", "futex",
	/* the same on 32 bits */
	"clock_gettime64", "ppoll_time64", "mmap2", "fstat64", "fstatat64", "_llseek", "futex_time64", "sigreturn",
	/* an abort() by the stack protector or FORTIFY should say what it is */
	"tgkill", "gettid", "rt_sigaction",
#ifdef SANITIZER
	"madvise", "mprotect", "mremap", "sigaltstack", "sched_yield", "getrusage", "sched_getaffinity", "openat",
	"readlink", "prctl", "clone", "wait4", "getppid", "ptrace", "getrlimit", "prlimit64", "sched_getparam",
	"process_vm_readv", "set_robust_list", "rseq", "dup", "dup2", "fcntl", "ioctl", "readlinkat", "getdents64",
	"mkdir", "open", "stat", "pipe", "pipe2",
#endif
};
/* syslog(3) sends on a socket that was connected before; UDP and TCP sources likewise. */
static const char *const asker[] = { "send", "sendto", "recv", "recvfrom", "getrandom" };
static const char *const setter[] = {
	"send", "sendto", "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64", "settimeofday", "pwrite64", "pread64",
	"ftruncate", "flock", "kill", "wait4",
};
/* syslog(3) would connect again where its daemon has gone: it is told no, and the line is lost, not the request. */
static const char *const denied[] = { "socket", "connect", "openat", "open" };

static void
fail(const char *what, int error)
{
	fprintf(stderr, "mkfilter: %s: %s\n", what, strerror(error));
	exit(111);
}

static void
add(scmp_filter_ctx context, uint32_t action, const char *const *calls, size_t count)
{
	for (size_t at = 0; at < count; at++) {
		int number = seccomp_syscall_resolve_name(calls[at]);
		int error;

		/* Not every architecture has every call. */
		if (number == __NR_SCMP_ERROR)
			continue;
		error = seccomp_rule_add(context, action, number, 0);
		/* Denied by one list and allowed by another (the sanitizers'): the first said holds. */
		if (error != 0 && error != -EEXIST)
			fail(calls[at], -error);
	}
}

static void
print_filter(const char *name, const char *const *own, size_t own_count, const char *architecture)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
	struct sock_filter instruction;
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int error = 0;

	if (context == NULL || fd < 0)
		fail("seccomp_init", errno);
	if (architecture != NULL) {
		error = seccomp_arch_remove(context, SCMP_ARCH_NATIVE);
		if (error == 0)
			error = seccomp_arch_add(context, seccomp_arch_resolve_name(architecture));
		if (error != 0)
			fail(architecture, -error);
	}
	add(context, SCMP_ACT_ALLOW, common, LENGTH(common));
	add(context, SCMP_ACT_ALLOW, own, own_count);
	add(context, SCMP_ACT_ERRNO(EACCES), denied, LENGTH(denied));
	error = seccomp_export_bpf(context, fd);
	if (error != 0)
		fail("seccomp_export_bpf", -error);
	seccomp_release(context);
	lseek(fd, 0, SEEK_SET);
	printf("static const struct sock_filter %s[] = {\n", name);
	while (read(fd, &instruction, sizeof instruction) == (ssize_t)sizeof instruction)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", instruction.code, instruction.jt, instruction.jf, instruction.k);
	printf("};\n");
	close(fd);
}

int
main(int argc, char **argv)
{
	const char *architecture = argc > 1 ? argv[1] : NULL;

	printf("/* Made by mkfilter.  Do not edit. */\n");
	print_filter("filter_asker", asker, LENGTH(asker), architecture);
	print_filter("filter_setter", setter, LENGTH(setter), architecture);
	return fflush(stdout) == 0 ? 0 : 111;
}
