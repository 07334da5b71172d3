/* The loss of privileges: see sandbox.h. */
#include "timed/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/filter.h"

/*
 * Calls capset(2) itself: libcap would read /proc at every start.  The bounding set stays unchanged: it has an effect
 * only in execve(2), which gives no new capabilities after no_new_privs.
 */
static int
drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct mine[_LINUX_CAPABILITY_U32S_3], none[_LINUX_CAPABILITY_U32S_3] = { { 0, 0, 0 } };
	int error;

	if (syscall(SYS_capset, &header, none) == 0)
		return 0;
	error = errno;
	/* A unit's SystemCallFilter may forbid capset(2): no error for a process without capabilities. */
	return syscall(SYS_capget, &header, mine) == 0 && mine[0].permitted == 0 && mine[1].permitted == 0 ? 0 : error;
}

bool
sandbox_enter(void)
{
	char text[FILTER_TEXT];
	int error = drop_capabilities();

	/* Not dumpable: no core file, and no other process of this user (nobody may have many) can trace this one. */
	if (error == 0 && (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0))
		error = errno;
	if (error != 0) {
		errno = error;
		syslog(LOG_ERR, "cannot give up privileges: %m");
		return false;
	}
	error = filter_enter(FILTER_SERVER);
	if (error == 0)
		return true;
	filter_describe(error, text);
	syslog(LOG_ERR, "%s", text);
	return false;
}
