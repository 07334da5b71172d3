/* in.timed with nothing but its socket: see sandbox.h. */
#include "timed/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/filter.h"

/*
 * By hand and not by libcap, which reads /proc at every start.  The bounding set is left as it is: it counts when
 * something is executed, and nothing will be.
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
	/* A unit's SystemCallFilter may forbid it to whom it would do nothing for anyway. */
	return syscall(SYS_capget, &header, mine) == 0 && mine[0].permitted == 0 && mine[1].permitted == 0 ? 0 : error;
}

bool
sandbox_enter(void)
{
	char text[FILTER_TEXT];
	int error = drop_capabilities();

	/* Other processes of the same user, as nobody's often are many, cannot trace this one; and no core file has its memory. */
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
