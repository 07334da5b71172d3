/* The system calls that each filter allows, denies and kills for: tables for mkfilter.c, which describes the classes. */
#ifndef GUESTCLOCK_FILTER_CALLS_H
#define GUESTCLOCK_FILTER_CALLS_H

#include <fcntl.h>
#include <net/if.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/*
 * TCGETS2, which newer C libraries use instead of TCGETS.  The kernel header that defines it conflicts with the C
 * library's.
 */
#define TERMINAL_GETS2 0x802c542a

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

#endif
