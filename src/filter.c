/* System call filters: see filter.h. */
#include "filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filters.h"

#define PROGRAM(code) { .len = sizeof (code) / sizeof (code)[0], .filter = (code) }

int
filter_enter(enum filter filter)
{
	static const struct sock_fprog programs[] = {
		[FILTER_RESOLVER] = PROGRAM(filter_resolver), [FILTER_ASKER] = PROGRAM(filter_asker),
		[FILTER_SETTER] = PROGRAM(filter_setter), [FILTER_SERVER] = PROGRAM(filter_server)
	};

	/*
	 * A kernel before 5.16 would slow down all speculation of a process that enters a filter.  That is against code
	 * that was let in from outside, which there is none of here.
	 */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &programs[filter]) == 0)
		return 0;
	/* A kernel before 4.17 has not that flag; another filter, around this process, may forbid seccomp(2) and know prctl(2). */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &programs[filter]) == 0 ? 0 : errno;
}
