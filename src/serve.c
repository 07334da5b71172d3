/* What is on file descriptor 0, and writing to standard output: see serve.h. */
#include "serve.h"

#include <errno.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "service.h"
#include "rfc868.h"

enum status
serve_output(const struct service *service, int fd)
{
	uint8_t octets[RFC868_OCTETS];
	int64_t seconds;
	size_t sent = 0;

	if (!service_time(service, &seconds, true))
		return STATUS_SYSTEM;
	rfc868_encode(seconds, octets);
	while (sent < sizeof octets) {
		ssize_t now = write(fd, octets + sent, sizeof octets - sent);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0) {
			syslog(LOG_ERR, "cannot write to standard output: %m");
			return STATUS_SYSTEM;
		}
		sent += (size_t)now;
	}
	return STATUS_DONE;
}

enum status
serve(const struct service *service)
{
	int type = 0, listening = 0, family = 0;
	socklen_t length = sizeof(int);

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
		if (errno == ENOTSOCK)
			return serve_output(service, STDOUT_FILENO);
		/* It may be a connection all the same, and then of a client that is not allowed. */
		syslog(LOG_ERR, "cannot tell what standard input is: %m");
		return STATUS_SYSTEM;
	}
	length = sizeof family;
	/* A local socket is what sshd gives a command for standard input and output: no network client. */
	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 && family == AF_UNIX)
		return serve_output(service, STDOUT_FILENO);
	if (type == SOCK_DGRAM)
		return serve_datagrams(service, STDIN_FILENO);
	if (type != SOCK_STREAM) {
		syslog(LOG_ERR, "standard input is a socket of type %d; expected a stream or datagram socket", type);
		return STATUS_USAGE;
	}
	length = sizeof listening;
	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0) {
		syslog(LOG_ERR, "cannot tell whether standard input listens: %m");
		return STATUS_SYSTEM;
	}
	if (listening)
		return serve_listener(service, STDIN_FILENO);
	return serve_connection(service, STDIN_FILENO);
}
