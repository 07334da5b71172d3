/* Holding little privilege: see privilege.h. */
#include "set/privilege.h"

#include <errno.h>
#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The user nobody and the group nogroup (Debian policy 9.2.2).  The kernel shows them for ids that it cannot map. */
#define NOBODY 65534

bool
privilege_may_set_clock(void)
{
	cap_flag_value_t permitted = CAP_CLEAR;
	cap_t mine = cap_get_proc();

	if (mine != NULL) {
		cap_get_flag(mine, CAP_SYS_TIME, CAP_PERMITTED, &permitted);
		cap_free(mine);
	}
	return permitted == CAP_SET;
}

int
privilege_enclose(void)
{
	struct rlimit none = { 0, 0 };

	umask(077);
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return errno;
	return 0;
}

int
privilege_limit(bool not_even_files)
{
	/* No number below NOFILE is free for a new descriptor.  poll(2) may get that many entries: HANGUP_POLLS + 1. */
	static const struct { int resource; rlim_t most; } limits[] = {
		{ RLIMIT_NPROC, 0 },
		{ RLIMIT_NOFILE, STDERR_FILENO + 1 }, { RLIMIT_AS, 64 << 20 },
		/* Last: only for the asking process.  The setting process may write to a file as its standard output. */
		{ RLIMIT_FSIZE, 0 }
	};
#ifdef __SANITIZE_ADDRESS__
	/* The sanitizer's shadow memory is larger than any limit, and its reports are files. */
	size_t count = 1;

	(void)not_even_files;
#else
	size_t count = sizeof limits / sizeof limits[0] - (not_even_files ? 0 : 1);
#endif

	for (size_t at = 0; at < count; at++) {
		struct rlimit most = { limits[at].most, limits[at].most };

		if (setrlimit((__rlimit_resource_t)limits[at].resource, &most) != 0)
			return errno;
	}
	return 0;
}

static void
empty_bounding_set(void)
{
	/* Needs CAP_SETPCAP, which only root has here.  For a user, no_new_privs has the same effect. */
	for (cap_value_t capability = 0; CAP_IS_SUPPORTED(capability); capability++)
		cap_drop_bound(capability);
}

static int
set_capabilities(bool keep_clock)
{
	static const cap_value_t clock_only[] = { CAP_SYS_TIME };
	cap_t wanted;
	int error = 0;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
		return errno;
	wanted = cap_init();
	if (wanted == NULL)
		return errno;
	if (keep_clock && (cap_set_flag(wanted, CAP_PERMITTED, 1, clock_only, CAP_SET) != 0 ||
	    cap_set_flag(wanted, CAP_EFFECTIVE, 1, clock_only, CAP_SET) != 0))
		error = errno;
	if (error == 0 && cap_set_proc(wanted) != 0)
		error = errno;
	cap_free(wanted);
	return error;
}

int
privilege_reduce(bool keep_clock)
{
	empty_bounding_set();
	return set_capabilities(keep_clock);
}

static int
become_nobody(void)
{
	/* EINVAL, by setresgid(2), means only that the group does not exist in this user namespace. */
	if (setresgid(NOBODY, NOBODY, NOBODY) != 0)
		return errno == EINVAL ? 0 : errno;
	return setgroups(0, NULL) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0 ? 0 : errno;
}

int
privilege_leave(void)
{
	int error;

	empty_bounding_set();
	error = geteuid() == 0 ? become_nobody() : 0;
	if (error == 0)
		error = set_capabilities(false);
	/* A change of the user may reset this (/proc/sys/fs/suid_dumpable). */
	if (error == 0 && prctl(PR_SET_DUMPABLE, 0) != 0)
		error = errno;
	return error;
}
