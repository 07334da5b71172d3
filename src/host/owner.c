/* Giving up root's rights: see owner.h. */
#include "host/owner.h"

#include <errno.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
make_absolute(const char **path)
{
	char *directory, *made;

	if (*path == NULL || **path == '/')
		return 0;
	directory = getcwd(NULL, 0);
	if (directory == NULL || asprintf(&made, "%s/%s", directory, *path) < 0)
		return errno;
	free(directory);
	*path = made;
	return 0;
}

/* Keeps PATH alone of root's environment.  USER may be NULL: the user has no name. */
static int
replace_environment(const struct passwd *user)
{
	const char *path = getenv("PATH");

	if (clearenv() != 0 || (path != NULL && setenv("PATH", path, 1) != 0))
		return ENOMEM;
	if (user != NULL && (setenv("HOME", user->pw_dir, 1) != 0 || setenv("USER", user->pw_name, 1) != 0 ||
	    setenv("LOGNAME", user->pw_name, 1) != 0))
		return ENOMEM;
	return 0;
}

int
owner_become(const char *state, struct driver_options *options)
{
	const char **const paths[] = { &options->list, &options->prometheus, &options->ssh_config, &options->state };
	const struct passwd *user;
	struct stat status;
	int error = 0;

	if (geteuid() != 0 || stat(state, &status) != 0 || status.st_uid == 0)
		return 0;
	/* The list "-" is standard input. */
	for (size_t at = options->list != NULL && strcmp(options->list, "-") == 0; at < sizeof paths / sizeof *paths; at++)
		if ((error = make_absolute(paths[at])) != 0)
			return error;
	if (chdir("/") != 0)
		return errno;
	/* Where the kernel lacks this call or a container forbids it, the programs that are started cannot use keys. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS && errno != EPERM)
		return errno;
	user = getpwuid(status.st_uid);
	if ((user != NULL ? initgroups(user->pw_name, user->pw_gid) : setgroups(0, NULL)) != 0 ||
	    setgid(user != NULL ? user->pw_gid : status.st_gid) != 0 || setuid(status.st_uid) != 0)
		return errno;
	return replace_environment(user);
}

void
owner_keep_from_guests(void)
{
	static const char *const sent[] = { "LANG=", "LC_", "COLORTERM=", "NO_COLOR=" };
	char **kept = environ;

	for (char **at = environ; *at != NULL; at++) {
		size_t which = 0;

		while (which < sizeof sent / sizeof *sent && strncmp(*at, sent[which], strlen(sent[which])) != 0)
			which++;
		if (which == sizeof sent / sizeof *sent)
			*kept++ = *at;
	}
	*kept = NULL;
}
