/*
 * mkfilter: writes filters.h, the seccomp filters as arrays, when guestclock is built.
 *
 * libseccomp runs here and not in the programs: a filter is the same at every run, and a program that must start fast
 * should neither load a library for it nor compute it.
 *
 * A filter sorts calls into four classes:
 * - allowed: calls that the filtered program and the C library need for their work;
 * - denied: calls that the C library or libwrap may try and can do without.  They fail with EACCES;
 * - dangerous: calls that only an attacker's code would make.  They kill the process;
 * - all others, including new calls of later kernels.  A peer may be able to steer the C library into a call that
 *   nobody foresaw, and that must not end the service: such a call fails with ENOSYS, and its number is recorded for
 *   the log.
 *
 * The kernel makes none of the calls of the last two classes: it sends SIGSYS.  (At tkill it kills: filter.c kills by
 * it.)  filter.c tells the two apart by the numbers of the dangerous calls, which mkfilter writes.  Where filter.c does
 * not know the register for a call's result (see new_filter()), the kernel makes both fail with ENOSYS.  Rules for each
 * dangerous call would triple the filter, and entering it is a large part of the cost of starting a program.  No filter
 * lets a process change its SIGSYS handler, except in builds with sanitizers.
 *
 * Usage: mkfilter [architecture].  For cross builds: an architecture's name in libseccomp; default: the native one.
 */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/filter_calls.h"

static void
fail(const char *what, int error)
{
	fprintf(stderr, "mkfilter: %s: %s\n", what, strerror(error));
	exit(111);
}

/* Copies the first word of *LIST and moves *LIST behind it.  Returns false if there is none. */
static bool
next_name(const char **list, char name[32])
{
	int length;

	if (sscanf(*list, "%31s%n", name, &length) != 1)
		return false;
	*list += length;
	return true;
}

static void
add(scmp_filter_ctx context, uint32_t action, const struct calls *calls)
{
	struct scmp_arg_cmp compare = SCMP_CMP(calls->argument, SCMP_CMP_MASKED_EQ, calls->mask, calls->value);
	const char *names = calls->names;
	char name[32];

	while (next_name(&names, name)) {
		/* If the architecture lacks a call, libseccomp gives it a number too, but adds no rule. */
		int number = seccomp_syscall_resolve_name(name), error;

		if (number == __NR_SCMP_ERROR) {
			fprintf(stderr, "mkfilter: \"%s\": libseccomp knows no such system call\n", name);
			exit(111);
		}
		error = seccomp_rule_add_array(context, action, number, calls->mask != 0, &compare);
		/* x86 has one socketcall(2) for all families.  It is allowed: libseccomp refuses to deny one family of it. */
		if (error != 0 && !(error == -EEXIST && seccomp_arch_exist(context, SCMP_ARCH_X86) == 0))
			fail(name, -error);
	}
}

static scmp_filter_ctx
new_filter(uint32_t architecture)
{
	/* Send SIGSYS on the architectures whose result register filter.c knows. */
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
	/* Make a binary tree.  To enter a filter costs time because the kernel then runs it once for each system call. */
	error = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* The same number means another call on another architecture. */
	if (error == 0)
		error = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (error != 0)
		fail("seccomp_attr_set", -error);
	return context;
}

/*
 * Prints a filter called NAME that allows the calls in common and in the two tables of ALLOWED (NULL: no table), and
 * makes the calls in the table DENIED fail with EACCES.
 */
static void
print_filter(const char *name, const struct calls *const allowed[2], const struct calls *denied, uint32_t architecture)
{
	const struct calls *const tables[] = { common, allowed[0], allowed[1] };
	scmp_filter_ctx context = new_filter(architecture);
	struct sock_filter instruction;
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int error;

	if (fd < 0)
		fail("memfd_create", errno);
	for (size_t table = 0; table < 3; table++)
		for (const struct calls *at = tables[table]; at != NULL && at->names != NULL; at++)
			add(context, SCMP_ACT_ALLOW, at);
	for (const struct calls *at = denied; at->names != NULL; at++)
		add(context, SCMP_ACT_ERRNO(EACCES), at);
	/* filter.c makes this call to kill the process. */
	add(context, SCMP_ACT_KILL_PROCESS, &(struct calls){ .names = "tkill" });
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
	const char *names = dangerous;
	char name[32];

	while (next_name(&names, name)) {
		int number = seccomp_syscall_resolve_name_arch(architecture, name);

		/* A negative number: this architecture lacks the call. */
		if (number >= (int)sizeof set * 8)
			fail(name, ERANGE);
		if (number >= 0)
			set[number / 8] |= (unsigned char)(1U << number % 8);
	}
	printf("static const unsigned char filter_dangerous[] = {");
	for (size_t at = 0; at < sizeof set; at++)
		printf("%s0x%02x,", at % 16 == 0 ? "\n\t" : " ", set[at]);
	printf("\n};\n");
}

/* Prints a table of all system calls' names by number: with FILTER_DEBUG, filter.c names a call that it traps. */
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
	print_filter("filter_resolver", (const struct calls *const[2]){ lookup, resolver }, local, architecture);
	print_filter("filter_asker", (const struct calls *const[2]){ asker }, unreachable, architecture);
	print_filter("filter_setter", (const struct calls *const[2]){ setter }, unreachable, architecture);
	print_filter("filter_server", (const struct calls *const[2]){ lookup, server }, forbidden, architecture);
	print_dangerous(architecture);
	print_names(architecture);
	return fflush(stdout) == 0 ? 0 : 111;
}
