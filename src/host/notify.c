/* Messages to the service manager: see notify.h. */
#include "host/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un manager;
static socklen_t manager_length;

nanoseconds
notify_start(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	size_t length = path == NULL ? 0 : strlen(path);
	nanoseconds watchdog = interval == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()) ? 0 :
	    ns_multiply(strtoll(interval, NULL, 10), NS_PER_MICROSECOND);

	if (length > 1 && length < sizeof manager.sun_path && (*path == '/' || *path == '@')) {
		manager.sun_family = AF_UNIX;
		memcpy(manager.sun_path, path, length);
		/* An abstract name: unix(7). */
		if (*path == '@')
			manager.sun_path[0] = '\0';
		manager_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return manager_length == 0 || watchdog < 0 ? 0 : watchdog;
}

void
notify_send(const char *text)
{
	int fd = manager_length == 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	/* A service manager that does not listen is no reason to leave the guests alone. */
	sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&manager, manager_length);
	close(fd);
}
