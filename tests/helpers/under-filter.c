/*
 * under-filter COMMAND [ARGUMENT...]: runs COMMAND under a filter that allows only the system calls that standard input
 * names, one a line; all others fail with EPERM.  A unit's SystemCallFilter and SystemCallErrorNumber=EPERM do the
 * same.  COMMAND's standard input is descriptor 3, if that is open.
 *
 * under-filter --no-seccomp NUMBER COMMAND [ARGUMENT...]: runs COMMAND with all calls allowed except those that enter a
 * filter, which fail with the errno value NUMBER, as in a kernel without seccomp or in a container.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	int no_seccomp = argc > 3 && strcmp(argv[1], "--no-seccomp") == 0 ? atoi(argv[2]) : 0;
	scmp_filter_ctx context = seccomp_init(no_seccomp > 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	char name[64];
	int known = 0, error;

	if (argc < 2 || context == NULL) {
		fprintf(stderr, "under-filter: expected COMMAND [ARGUMENT...], and names on standard input\n");
		return 100;
	}
	if (no_seccomp > 0) {
		argv += 2;
		error = seccomp_rule_add(context, SCMP_ACT_ERRNO((unsigned)no_seccomp), SCMP_SYS(seccomp), 0);
		if (error == 0)
			error = seccomp_rule_add(context, SCMP_ACT_ERRNO((unsigned)no_seccomp), SCMP_SYS(prctl), 1,
			    SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));
		if (error == 0)
			error = seccomp_load(context);
		if (error != 0) {
			fprintf(stderr, "under-filter: cannot enter: %s\n", strerror(-error));
			return 111;
		}
		execvp(argv[1], argv + 1);
		fprintf(stderr, "under-filter: %s: %s\n", argv[1], strerror(errno));
		return 111;
	}
	while (fgets(name, sizeof name, stdin) != NULL) {
		int number;

		name[strcspn(name, "\n")] = '\0';
		number = seccomp_syscall_resolve_name(name);
		/* A call of another architecture, or one newer than the library. */
		if (number < 0)
			continue;
		error = seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
		if (error != 0) {
			fprintf(stderr, "under-filter: %s: %s\n", name, strerror(-error));
			return 111;
		}
		known++;
	}
	/* Enough names to show that the input is a list of calls and not an error message. */
	if (known < 100) {
		fprintf(stderr, "under-filter: only %d names known\n", known);
		return 111;
	}
	if (fcntl(3, F_GETFD) >= 0 && (dup2(3, 0) != 0 || close(3) != 0))
		return 111;
	error = seccomp_load(context);
	if (error != 0) {
		fprintf(stderr, "under-filter: cannot enter: %s\n", strerror(-error));
		return 111;
	}
	execvp(argv[1], argv + 1);
	fprintf(stderr, "under-filter: %s: %s\n", argv[1], strerror(errno));
	return 111;
}
