/* The choice of a service by the type of file descriptor 0, and the reply on standard output: see dispatch.h. */
#include "timed/dispatch.h"

#include <errno.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/fds.h"
#include "lib/startup.h"
#include "timed/reply.h"

/* Writes the time to standard output.  Standard input is no network socket, so there is no client to check. */
static enum status
write_time(void)
{
	uint8_t octets[RFC868_OCTETS];

	if (!reply_time(octets, NULL))
		return STATUS_SYSTEM;
	errno = fds_write_all(STDOUT_FILENO, octets, sizeof octets);
	if (errno == 0)
		return STATUS_DONE;
	syslog(LOG_ERR, "cannot write to standard output: %m");
	return STATUS_SYSTEM;
}

/* Serves a stream socket FD for which getpeername(2) failed with ERROR. */
static enum status
serve_unconnected(int fd, int error)
{
	int listening = 0;
	socklen_t length = sizeof listening;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0) {
		syslog(LOG_ERR, "cannot find out whether standard input is a listening socket: %m");
		return STATUS_SYSTEM;
	}
	if (listening)
		return stream_listener(fd);
	if (error != ENOTCONN) {
		errno = error;
		syslog(LOG_ERR, "cannot find out the client's address: %m");
		return STATUS_SYSTEM;
	}
	/* The client reset the connection before in.timed asked for its address: no error of this system. */
	syslog(LOG_INFO, "the client reset its connection before it was answered");
	return STATUS_DONE;
}

enum status
serve(void)
{
	union peer peer = { .any = { .sa_family = AF_UNSPEC } };
	int type = 0, error;
	socklen_t length = sizeof type;

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
		if (errno == ENOTSOCK)
			return write_time();
		/* Do not reply: descriptor 0 may still be the connection of a client that the tables deny. */
		syslog(LOG_ERR, "cannot find out what standard input is: %m");
		return STATUS_SYSTEM;
	}
	length = sizeof peer;
	if (type == SOCK_STREAM && getpeername(STDIN_FILENO, &peer.any, &length) == 0 && peer.any.sa_family != AF_UNIX)
		return stream_connection(STDIN_FILENO, &peer);
	error = errno;
	if (startup_local(STDIN_FILENO))
		return write_time();
	if (type == SOCK_STREAM)
		return serve_unconnected(STDIN_FILENO, error);
	if (type == SOCK_DGRAM)
		return dgram_serve(STDIN_FILENO);
	syslog(LOG_ERR, "standard input is a socket of type %d; expected a stream or datagram socket", type);
	return STATUS_USAGE;
}
