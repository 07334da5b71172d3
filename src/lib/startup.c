/* Steps at the start of the programs: see startup.h. */
#include "lib/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <nss.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/version.h"

/* Octets: more than the C library allocates in startup_lookups(), and so few that free(3) keeps them in the heap. */
#define LOOKUP_ROOM 65536

bool
startup_descriptors(void)
{
	struct pollfd standard[3] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

	if (poll(standard, 3, 0) < 0)
		return false;
	for (int fd = 0; fd <= 2; fd++)
		if ((standard[fd].revents & POLLNVAL) != 0) {
			/* open(2) returns the lowest free descriptor, FD.  Reading 0 and writing 1 and 2 then fail. */
			int null = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);

			if (null >= 0 && null != fd)
				errno = EBADF;
			if (null != fd)
				return false;
		}
	return true;
}

void
startup_close_from(int first)
{
	struct rlimit limit = { .rlim_cur = 1024 };

	if (close_range((unsigned)first, ~0U, 0) == 0)
		return;
	/* A kernel before 5.9 lacks close_range(2): close one by one, up to a maximum in case the limit is infinite. */
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > 65536)
		limit.rlim_cur = 65536;
	for (int fd = first; fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

bool
startup_no_socket(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && !S_ISSOCK(status.st_mode);
}

bool
startup_local(int fd)
{
	int family = 0;
	socklen_t length = sizeof family;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) != 0)
		return errno == ENOTSOCK;
	return family == AF_UNIX;
}

bool
startup_inform(const struct program *program, int what)
{
	char text[OPTION_HELP_TEXT];

	if (what == OPTION_HELP)
		option_help(program, text);
	else
		/* AT_BASE is the address of the dynamic linker: 0 in a static program. */
		snprintf(text, sizeof text, "%s " GUESTCLOCK_VERSION " (%s%s)\n", program->name,
		    getauxval(AT_BASE) == 0 ? "static" : "shared", program->libraries);
	return fputs(text, stdout) >= 0 && fflush(stdout) == 0;
}

bool
startup_lookups(void)
{
	static const char *const places[][2] = {
		{ "hosts", "files dns" }, { "passwd", "files" }, { "group", "files" }, { "netgroup", "files" }
	};
	/* __nss_configure_lookup() does not check whether it gets memory: check before. */
	void *room = malloc(LOOKUP_ROOM);

	if (room == NULL)
		return false;
	free(room);
	for (size_t at = 0; at < sizeof places / sizeof places[0]; at++)
		if (__nss_configure_lookup(places[at][0], places[at][1]) != 0)
			return false;
	return true;
}
