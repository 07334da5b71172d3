/* Replies to connections: see dispatch.h. */
#include "timed/dispatch.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/nstime.h"
#include "lib/peer.h"
#include "lib/sysclock.h"
#include "timed/reply.h"
#include "timed/sandbox.h"
#include "timed/wait_mode.h"

/* The limits on the data that in.timed reads before it closes a connection: octets, and (stream nowait only) time. */
#define DRAIN_OCTETS 65536
#define DRAIN_MILLISECONDS 2000

/*
 * In wait mode a connection stays half-closed after its reply, so that in.timed reads late data: until the second tick
 * after the reply, until this many later connections had their replies, or until descriptors or memory run out.
 */
#define LINGERING 64

/* Whether ERROR of send(2) or shutdown(2) comes from the client or the network, and not from this system. */
static bool
client_gone(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ECONNABORTED || error == ETIMEDOUT;
}

/*
 * Sends the reply, OCTETS, and the end of the stream to PEER in one segment.  Logs the reply, or an error of this
 * system; an error only if MAY_LOG() returns true or MAY_LOG is NULL.  Returns 0 or an errno value.
 */
static int
answer_stream(int fd, const union peer *peer, const uint8_t octets[RFC868_OCTETS], bool (*may_log)(void))
{
	int error;

	/* This neither blocks nor sends a part: four octets always fit into an empty send buffer. */
	do
		error = send(fd, octets, RFC868_OCTETS, MSG_NOSIGNAL | MSG_MORE) < 0 ? errno : 0;
	while (error == EINTR);
	if (shutdown(fd, SHUT_WR) != 0 && error == 0)
		error = errno;
	if (error == 0)
		reply_log(peer, "tcp");
	else if (!client_gone(error) && (may_log == NULL || may_log())) {
		errno = error;
		syslog(LOG_ERR, "cannot send the time: %m");
	}
	return error;
}

/*
 * Reads and discards the client's data.  A close with unread data resets the connection, and the client may then lose
 * the reply.  Subtracts what it read from *BUDGET, in octets.  Returns true at the end of the stream, at an error, or
 * when *BUDGET is used up; false if more data may come.
 */
static bool
drain(int fd, size_t *budget)
{
	char waste[4096];

	while (*budget > 0) {
		ssize_t got = recv(fd, waste, sizeof waste, MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 || errno != EAGAIN;
		*budget -= (size_t)got < *budget ? (size_t)got : *budget;
	}
	return true;
}

enum status
stream_connection(int fd, union peer *peer)
{
	size_t budget = DRAIN_OCTETS;
	nanoseconds end;
	uint8_t octets[RFC868_OCTETS];
	int error;

	peer_unmap(peer);
	access_tables_changed();
	/* No sandbox if libwrap may start a rule's program from here: the administrator must confine that program. */
	if (!access_may_run() && !sandbox_enter())
		return STATUS_SYSTEM;
	if (!access_allows(peer, fd)) {
		reply_log_refusal(peer, "tcp");
		return STATUS_REFUSED;
	}
	if (!reply_time(octets, NULL))
		return STATUS_SYSTEM;
	error = answer_stream(fd, peer, octets, NULL);
	if (error != 0)
		return client_gone(error) ? STATUS_DONE : STATUS_SYSTEM;
	end = sysclock_elapsed() + DRAIN_MILLISECONDS * NS_PER_MILLISECOND;
	while (!drain(fd, &budget)) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		nanoseconds left = end - sysclock_elapsed();

		if (left <= 0 || (poll(&readable, 1, (int)(left / NS_PER_MILLISECOND) + 1) < 0 && errno != EINTR))
			break;
	}
	return STATUS_DONE;
}

static struct {
	int fd;			/* 0: unused entry (descriptor 0 is the listener) */
	uint32_t tick;		/* wait_mode_now() at the reply */
} lingering[LINGERING];
static unsigned linger_next;

static void
linger_end(unsigned place)
{
	size_t budget = DRAIN_OCTETS;

	if (lingering[place].fd == 0)
		return;
	drain(lingering[place].fd, &budget);
	close(lingering[place].fd);
	lingering[place].fd = 0;
}

/* Adds a connection after its reply, and closes the one whose entry it reuses. */
static void
linger_add(int fd)
{
	linger_end(linger_next);
	lingering[linger_next].fd = fd;
	lingering[linger_next].tick = wait_mode_now();
	linger_next = (linger_next + 1) % LINGERING;
}

/* Closes the connections whose reply was before the last tick but one; if ALL, every one. */
static void
linger_sweep(bool all)
{
	for (unsigned place = 0; place < LINGERING; place++)
		if (all || wait_mode_now() - lingering[place].tick > 1)
			linger_end(place);
}

static void
serve_accepted(int fd, union peer *peer)
{
	uint8_t octets[RFC868_OCTETS];

	peer_unmap(peer);
	if (wait_mode_allows(peer, fd, "tcp") && reply_time(octets, wait_mode_may_log) &&
	    answer_stream(fd, peer, octets, wait_mode_may_log) == 0)
		linger_add(fd);
	else
		close(fd);
}

enum status
stream_listener(int fd)
{
	enum status status = wait_mode_start();

	while (status == STATUS_DONE) {
		union peer peer;
		socklen_t length = sizeof peer;
		enum trouble trouble;
		int connection;

		if (wait_mode_ticked()) {
			if (!wait_mode_tick())
				break;
			linger_sweep(false);
		}
		connection = accept4(fd, &peer.any, &length, SOCK_CLOEXEC);
		if (connection >= 0) {
			wait_mode_busy();
			serve_accepted(connection, &peer);
			continue;
		}
		trouble = wait_mode_trouble(fd, "accept connections");
		if (trouble == TROUBLE_PASSING)
			linger_sweep(true);
		else if (trouble == TROUBLE_FATAL)
			status = STATUS_SYSTEM;
	}
	linger_sweep(true);
	return status;
}
