/* Each filter's system calls: tables for mkfilter.c, which explains the classes (allowed, denied, dangerous). */
#ifndef GUESTCLOCK_FILTER_CALLS_H
#define GUESTCLOCK_FILTER_CALLS_H

#include <fcntl.h>
#include <net/if.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* TCGETS2: newer C libraries use it instead of TCGETS.  Its macro needs struct termios2, which is not defined here. */
#define TERMINAL_GETS2 0x802c542a

/*
 * Names of calls, separated by spaces, and the condition under which the table allows or denies them: the argument with
 * this number, counted from 0, fulfils (argument & mask) == value.  If mask is 0, there is no condition.  An entry
 * without names ends each table.
 */
struct calls {
	const char *names;
	unsigned argument;
	uint64_t mask, value;
};

/* For mmap(2): no executable memory, which only the sanitizers need. */
#ifdef SANITIZER
#define PROTECTION 0, 0, 0
#else
#define PROTECTION 2, PROT_EXEC, 0
#endif
#define READ_ONLY (O_ACCMODE | O_CREAT | O_TRUNC), O_RDONLY

/* Calls of every process here: input and output on open descriptors, memory, reading clocks, exit. */
static const struct calls common[] = {
	{ .names = "read write writev close poll ppoll clock_gettime gettimeofday getpid exit exit_group rt_sigreturn "
	    "rt_sigprocmask restart_syscall brk munmap fstat lseek futex" },
	/* the names of some of them on 32-bit architectures */
	{ .names = "clock_gettime64 ppoll_time64 fstat64 _llseek futex_time64 sigreturn" },
	{ "mmap mmap2", PROTECTION },
	/* for abort(3), which then calls tgkill(2): that can reach any process, so it is dangerous and kills this one */
	{ .names = "gettid" },
	/* for realloc(3), free(3) of large blocks, and qsort(3) of glibc 2.36, which asks for the amount of memory */
	{ "mremap", 3, ~UINT64_C(0), MREMAP_MAYMOVE }, { "madvise", 2, 0xffffffff, MADV_DONTNEED }, { .names = "sysinfo" },
#ifdef SANITIZER
	/* for the run-time library of the sanitizers, in builds for tests only */
	{ .names = "tgkill newfstatat fstatat64 madvise mprotect mremap sigaltstack sched_yield getrusage "
	    "sched_getaffinity openat readlink prctl clone wait4 getppid ptrace getrlimit prlimit64 sched_getparam "
	    "process_vm_readv set_robust_list rseq dup dup2 fcntl ioctl readlinkat getdents64 mkdir open stat pipe "
	    "pipe2 rt_sigaction" },
#endif
	{ 0 }
};

/* sendto(2) without a destination address: the sockets of syslog(3) and of time sources are connected already. */
#define CONNECTED 4, ~UINT64_C(0), 0
/* prlimit64(2) only to read a limit: its third argument, if not NULL, sets one. */
#define NO_NEW_LIMIT 2, ~UINT64_C(0), 0
static const struct calls asker[] = {
	{ .names = "send recv recvfrom getrandom" }, { "sendto", CONNECTED }, { "prlimit64", NO_NEW_LIMIT }, { 0 }
};
static const struct calls setter[] = {
	{ .names = "send adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday pwrite64 "
	    "pread64 ftruncate flock sched_yield wait4" },
	{ "sendto", CONNECTED }, { "prlimit64", NO_NEW_LIMIT }, { 0 }
};
/*
 * The calls that asker and setter deny.  When the syslog daemon has gone, syslog(3) tries to connect again: the attempt
 * fails and the line is lost.  An exchange then ends (outcome_logged()).  Looking up a file by name fails as well, and
 * so does the fstat(3) of a C library that implements it by newfstatat(2).
 */
static const struct calls unreachable[] = { { .names = "socket connect openat open newfstatat fstatat64" }, { 0 } };

/* Name lookup: in files, and in DNS over UDP and TCP. */
static const struct calls lookup[] = {
	{ .names = "recvfrom recvmsg sendto sendmsg sendmmsg send recv getpeername getsockname getsockopt setsockopt "
	    "connect bind newfstatat fstatat64 faccessat faccessat2 access stat stat64 statx getrandom uname getuid "
	    "geteuid getgid getegid getppid" },
	{ "socket", 0, ~UINT64_C(0), AF_INET }, { "socket", 0, ~UINT64_C(0), AF_INET6 },
	{ "socket", 0, ~UINT64_C(0), AF_NETLINK },
	{ "openat", 2, READ_ONLY }, { "open", 1, READ_ONLY }, { "ioctl", 1, 0xffffffff, FIONREAD },
	/* stdio asks whether a device is a terminal: a file may be /dev/null, and so may standard error */
	{ "ioctl", 1, 0xffffffff, TCGETS }, { "ioctl", 1, 0xffffffff, TERMINAL_GETS2 },
	/* to end connections to name servers after a time limit (access.c) */
	{ .names = "timer_create timer_settime timer_settime64 timer_delete shutdown" },
	/* for "reorder on" in host.conf(5) */
	{ "ioctl", 1, 0xffffffff, SIOCGIFCONF }, { "ioctl", 1, 0xffffffff, SIOCGIFNETMASK },
	/* for the interface in an address with a scope, such as fe80::1%eth0 */
	{ "ioctl", 1, 0xffffffff, SIOCGIFNAME }, { "ioctl", 1, 0xffffffff, SIOCGIFINDEX },
	{ "fcntl", 1, 0xffffffff, F_GETFL }, { "fcntl", 1, 0xffffffff, F_SETFL }, { "fcntl", 1, 0xffffffff, F_GETFD },
	{ "fcntl", 1, 0xffffffff, F_SETFD }, { 0 }
};
/*
 * The calls that resolver denies.  The C library logs some answers of name servers by syslog(3), which then fails.  It
 * asks no cache (nscd), because lib/startup.c restricts lookup.
 */
static const struct calls local[] = { { "socket", 0, ~UINT64_C(0), AF_UNIX }, { 0 } };
/* What resolver allows besides `common` and `lookup`: after the lookup, the asking process limits itself further. */
static const struct calls resolver[] = {
	{ "prlimit64", 0, ~UINT64_C(0), 0 }, { .names = "setrlimit seccomp" },
	{ "prctl", 0, ~UINT64_C(0), PR_SET_SECCOMP }, { 0 }
};

/* What in.timed needs besides `common` and `lookup`: to answer requests, and to log. */
static const struct calls server[] = {
	{ .names = "accept4 recvmmsg recvmmsg_time64" },
	{ "prlimit64", NO_NEW_LIMIT },
	/* for syslog(3) */
	{ "socket", 0, ~UINT64_C(0), AF_UNIX },
	/* If twist or aclexec cannot start its program, libwrap sleeps five seconds and then exits */
	{ .names = "nanosleep clock_nanosleep clock_nanosleep_time64" },
	/* -s reads the kernel's clock state; setting it would need a capability that in.timed has given up */
	{ .names = "adjtimex clock_adjtime clock_adjtime64" }, { 0 }
};
/* The calls that server denies: an option in an edited table may try them before in.timed notices that and exits. */
static const struct calls forbidden[] = {
	{ .names = "fork vfork clone clone3 execve execveat setuid setgid setgroups setuid32 setgid32 setgroups32 umask "
	    "setpriority" }, { 0 }
};

/*
 * The calls that kill a process, unless its filter allows or denies them.  If the filter allows one of them with some
 * values of an argument, as for mmap(2), the call kills with all other values.
 */
static const char dangerous[] =
    /* programs and processes */
    "execve execveat fork vfork clone clone3 kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open "
    "pidfd_getfd pidfd_send_signal ptrace process_vm_readv process_vm_writev process_madvise personality "
    /* code, and the kernel's own interpreters */
    "mmap mmap2 mprotect pkey_mprotect remap_file_pages memfd_create memfd_secret shmget shmat modify_ldt userfaultfd "
    "bpf perf_event_open io_uring_setup io_uring_enter io_uring_register "
    /* privileges */
    "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups setuid32 setgid32 setreuid32 "
    "setregid32 setresuid32 setresgid32 setfsuid32 setfsgid32 setgroups32 capset prctl seccomp keyctl add_key "
    "request_key unshare setns chroot pivot_root prlimit64 setrlimit "
    /* files */
    "open openat creat open_by_handle_at unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mkdir "
    "mkdirat rmdir mknod mknodat chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32 "
    "fchownat truncate truncate64 "
    /* the network: an address of an attacker's choice, a service of the attacker's own */
    "socket connect sendto sendmsg sendmmsg bind listen "
    /* the system */
    "mount umount2 move_mount open_tree fsopen fsmount reboot kexec_load kexec_file_load init_module finit_module "
    "delete_module ioperm iopl "
    /* clocks */
    "adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday stime";

#endif
