/* Asking a time source: see query.h. */
#include "set/query.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/rfc868.h"
#include "lib/sysclock.h"
#include "lib/text.h"
#include "set/edge.h"
#include "set/sntp.h"

/* UDP loses packets: how long to wait before asking again, and the most questions (with -e: QUERY_SOCKETS). */
#define UDP_TRY (NS_PER_SECOND)
#define UDP_TRIES 5
/* How many datagrams that answer none of our questions are read before the next question. */
#define STRAYS 100
/* How long before a timed question the process stays awake, and how often it then reads the clock at most. */
#define AWAKE (500 * NS_PER_MICROSECOND)
#define AWAKE_LOOKS 20000
/* How many of a name's addresses are tried. */
#define ADDRESSES 4

static void
fail(struct query_answer *answer, enum query_outcome outcome, int error)
{
	answer->outcome = outcome;
	answer->error = error;
	answer->offset = (struct interval){ 0, 0 };
}

static nanoseconds
time_left(const struct query *query)
{
	nanoseconds left = query->deadline - sysclock_elapsed();

	return left > 0 ? left : 0;
}

/* Waits at most LONGEST for EVENTS on FD (-1: none).  Returns 1 if they came, 0 if the time is over, -1 (errno). */
static int
wait_for(int fd, short events, nanoseconds longest)
{
	nanoseconds end = sysclock_elapsed() + longest;

	for (;;) {
		struct pollfd watched = { .fd = fd, .events = events };
		nanoseconds left = end - sysclock_elapsed();
		struct timespec timeout = { left > 0 ? left / NS_PER_SECOND : 0, left > 0 ? left % NS_PER_SECOND : 0 };
		int ready = ppoll(&watched, 1, &timeout, NULL);

		if (ready >= 0 || errno != EINTR)
			return ready;
	}
}

static bool
uses_udp(const struct rdate_request *request)
{
	return request->udp || request->sntp || request->edge;
}

/* Returns a socket connected to ADDRESS, or -1 with errno.  LONGEST: how long to wait for the connection. */
static int
connect_to(const struct addrinfo *address, nanoseconds longest)
{
	int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;
	socklen_t length = sizeof error;

	if (fd < 0)
		return -1;
	if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
		return fd;
	error = errno;
	/* POSIX: after EINTR, the connection is still being made. */
	if (error == EINPROGRESS || error == EINTR) {
		int ready = wait_for(fd, POLLOUT, longest);

		if (ready == 0)
			error = ETIMEDOUT;
		else if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
			error = errno;
		if (error == 0)
			return fd;
	}
	close(fd);
	errno = error;
	return -1;
}

static void
note_source(struct query_answer *answer, const struct addrinfo *address)
{
	union peer peer;

	memset(&peer, 0, sizeof peer);
	memcpy(&peer, address->ai_addr, address->ai_addrlen <= sizeof peer ? address->ai_addrlen : sizeof peer);
	peer_unmap(&peer);
	peer_format(&peer, answer->source);
}

static void
open_sockets(struct query *query, const struct addrinfo *addresses, struct query_answer *answer)
{
	bool udp = uses_udp(query->request);
	int wanted = query->request->edge ? QUERY_SOCKETS : udp ? UDP_TRIES : 1;
	int tried = 0, error = EHOSTUNREACH;

	for (const struct addrinfo *address = addresses; address != NULL && tried < ADDRESSES;
	    address = address->ai_next, tried++) {
		int fd;

		note_source(answer, address);
		query->connecting = sysclock_now();
		fd = connect_to(address, time_left(query) / (ADDRESSES - tried) + NS_PER_MILLISECOND);
		while (fd >= 0) {
			query->sockets[query->count++] = fd;
			if (query->count == wanted)
				return;
			fd = connect_to(address, 0);
		}
		if (query->count > 0)
			return;
		error = errno;
	}
	fail(answer, error == ETIMEDOUT ? QUERY_TIMEOUT : QUERY_UNREACHABLE, error == ETIMEDOUT ? 0 : error);
}

void
query_open(struct query *query, const struct rdate_request *request, int64_t pivot, struct query_answer *answer)
{
	struct addrinfo wanted = {
		.ai_family = request->family == 4 ? AF_INET : request->family == 6 ? AF_INET6 : AF_UNSPEC,
		.ai_socktype = uses_udp(request) ? SOCK_DGRAM : SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV
	};
	struct addrinfo *addresses = NULL;
	union peer literal = request->address;
	char port[8];
	int error;

	*query = (struct query){ .request = request, .pivot = pivot };
	query->deadline = sysclock_elapsed() + request->timeout;
	memset(answer, 0, sizeof *answer);
	/*
	 * A literal needs no lookup, and is exactly the address that was allowed.  But if -4 or -6 names the other family,
	 * getaddrinfo(3) decides: it accepts -6 ::ffff:127.0.0.1, which peer_parse() has made an IPv4 address.
	 */
	if (literal.any.sa_family != AF_UNSPEC && (request->family == 0 || wanted.ai_family == literal.any.sa_family)) {
		bool v4 = literal.any.sa_family == AF_INET;

		*(v4 ? &literal.v4.sin_port : &literal.v6.sin6_port) = htons(request->port);
		wanted.ai_family = literal.any.sa_family;
		wanted.ai_addr = &literal.any;
		wanted.ai_addrlen = v4 ? sizeof literal.v4 : sizeof literal.v6;
		open_sockets(query, &wanted, answer);
		return;
	}
	snprintf(port, sizeof port, "%u", (unsigned)request->port);
	error = getaddrinfo(request->host, port, &wanted, &addresses);
	if (error != 0) {
		fail(answer, QUERY_NO_ADDRESS, error);
		return;
	}
	open_sockets(query, addresses, answer);
	freeaddrinfo(addresses);
}

/* Evaluates a complete RFC 868 answer, which should have a LENGTH of 4 octets. */
static void
take_second(struct query *query, struct query_answer *answer, const uint8_t *octets, size_t length, nanoseconds sent,
    nanoseconds received)
{
	int64_t second;

	if (length != RFC868_OCTETS) {
		fail(answer, length < RFC868_OCTETS ? QUERY_SHORT : QUERY_LONG, (int)length);
		return;
	}
	second = rfc868_decode(octets, query->pivot);
	answer->source_time = ns_from_seconds(second);
	answer->delay = ns_magnitude(ns_subtract(received, sent));
	answer->offset = interval_measured(sent, received, answer->source_time, ns_from_seconds(second + 1));
}

static void
ask_tcp(struct query *query, struct query_answer *answer)
{
	uint8_t octets[RFC868_OCTETS + 1];
	nanoseconds received = 0;
	size_t got = 0;

	/* When four octets are there, look once, without waiting, whether there are more: this needs no timer. */
	while (got <= RFC868_OCTETS) {
		bool complete = got == RFC868_OCTETS;
		ssize_t now = wait_for(query->sockets[0], POLLIN, complete ? 0 : time_left(query));

		if (now == 0 && !complete) {
			fail(answer, QUERY_TIMEOUT, (int)got);
			return;
		}
		if (now > 0)
			now = recv(query->sockets[0], octets + got, sizeof octets - got, 0);
		if (now < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (now < 0 && !complete) {
			fail(answer, QUERY_BROKEN, errno);
			return;
		}
		if (now <= 0)
			break;
		if (!complete)
			received = sysclock_now();
		got += (size_t)now;
	}
	if (got == 0)
		fail(answer, QUERY_CLOSED, 0);
	else
		take_second(query, answer, octets, got, query->connecting, received);
}

struct datagram {
	uint8_t octets[512];
	size_t length;
	nanoseconds sent, received;	/* the guest's clock when the question left and when this arrived */
};

/* Waits at most LONGEST for a datagram on the last question's socket.  Returns 1, 0 if none came, or -1 (errno). */
static int
receive_datagram(const struct query *query, nanoseconds longest, struct datagram *datagram)
{
	int fd = query->sockets[query->used - 1];
	nanoseconds end = sysclock_elapsed() + (longest < time_left(query) ? longest : time_left(query));
	ssize_t got;

	do {
		int ready = wait_for(fd, POLLIN, end - sysclock_elapsed());

		if (ready <= 0)
			return ready;
		got = recv(fd, datagram->octets, sizeof datagram->octets, 0);
		datagram->received = sysclock_now();
		/* The datagram that poll(2) reported may be gone: the kernel drops one with a wrong checksum. */
	} while (got < 0 && (errno == EAGAIN || errno == EINTR));
	datagram->length = got > 0 ? (size_t)got : 0;
	return got < 0 ? -1 : 1;
}

/* Sends QUESTION on the next unused socket and waits at most LONGEST for the answer.  Returns as receive_datagram(). */
static int
exchange_datagram(struct query *query, const void *question, size_t length, nanoseconds longest,
    struct datagram *datagram)
{
	int fd = query->sockets[query->used++];

	/* What has come already answers no question.  Behind so much, an answer could not be told from it. */
	for (int strays = 0; recv(fd, datagram->octets, sizeof datagram->octets, 0) >= 0; strays++)
		if (strays == STRAYS)
			return 0;
	datagram->sent = sysclock_now();
	while (send(fd, question, length, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -1;
	return receive_datagram(query, longest, datagram);
}

/* Whether an unused socket and time are left for another question. */
static bool
may_ask_again(const struct query *query)
{
	return query->used < query->count && time_left(query) > 0;
}

/* Evaluates an SNTP answer.  Returns false if it does not answer our question, unless it is too short. */
static bool
take_sntp(struct query *query, struct query_answer *answer, const struct datagram *datagram, uint64_t nonce)
{
	static const enum query_outcome outcomes[] = { [SNTP_SHORT] = QUERY_SHORT, [SNTP_KISS] = QUERY_KISS,
		[SNTP_UNSYNCHRONISED] = QUERY_UNSYNCHRONISED, [SNTP_NONSENSE] = QUERY_NONSENSE };
	struct sntp_answer reply;
	enum sntp_result result = sntp_read(datagram->octets, datagram->length, nonce, query->pivot, &reply);

	if (result == SNTP_NOT_AN_ANSWER)
		return false;
	/* Our question left before it arrived there, and the answer left before it arrived here. */
	answer->offset.low = ns_subtract(datagram->sent, reply.received);
	answer->offset.high = ns_subtract(datagram->received, reply.sent);
	if (result == SNTP_OK && answer->offset.low > answer->offset.high)
		result = SNTP_NONSENSE;
	if (result != SNTP_OK) {
		fail(answer, outcomes[result], (int)datagram->length);
		memcpy(answer->text, reply.kiss, sizeof reply.kiss);
		return true;
	}
	answer->source_time = reply.sent;
	answer->delay = ns_subtract(ns_magnitude(ns_subtract(datagram->received, datagram->sent)),
	    ns_subtract(reply.sent, reply.received));
	if (answer->delay < 0)
		answer->delay = 0;
	answer->offset = interval_widened(answer->offset, reply.distance + 1);
	return true;
}

/* Asks over UDP, by RFC 868 or SNTP.  Repeats a lost question if may_ask_again().  An error ends the query. */
static void
ask_udp(struct query *query, struct query_answer *answer)
{
	bool sntp = query->request->sntp;

	do {
		uint8_t question[SNTP_OCTETS];
		struct datagram datagram;
		nanoseconds end = sysclock_elapsed() + UDP_TRY;
		uint64_t nonce = 0;
		int got;

		if (sntp && getrandom(&nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce) {
			fail(answer, QUERY_FAILED, errno);
			return;
		}
		nonce |= 1;
		sntp_question(question, nonce);
		/* RFC 868's question is an empty datagram. */
		got = exchange_datagram(query, question, sntp ? sizeof question : 0, UDP_TRY, &datagram);
		/* SNTP: a datagram without our nonce is somebody else's, and the answer may still come. */
		for (int strays = 0; got > 0 && strays < STRAYS; strays++) {
			if (!sntp)
				take_second(query, answer, datagram.octets, datagram.length, datagram.sent, datagram.received);
			if (!sntp || take_sntp(query, answer, &datagram, nonce))
				return;
			got = receive_datagram(query, end - sysclock_elapsed(), &datagram);
		}
		if (got < 0) {
			fail(answer, errno == ECONNREFUSED ? QUERY_UNREACHABLE : QUERY_BROKEN, errno);
			return;
		}
	} while (may_ask_again(query));
	fail(answer, QUERY_TIMEOUT, 0);
}

/* Waits until the guest's clock reads WHEN, at most 1.5 s.  A set of that clock does not prolong the sleep. */
static void
sleep_until(nanoseconds when)
{
	nanoseconds left = ns_subtract(when, sysclock_now());

	if (left > 3 * NS_PER_SECOND / 2)
		left = 3 * NS_PER_SECOND / 2;
	/* A busy machine wakes up late: the last part is a busy wait, counted because time may stand still. */
	if (left > AWAKE)
		wait_for(-1, 0, left - AWAKE);
	for (int look = 0; look < AWAKE_LOOKS && sysclock_now() < when; look++)
		continue;
}

static void
ask_edge(struct query *query, struct query_answer *answer)
{
	struct edge edge;
	nanoseconds sent, received;

	ask_udp(query, answer);
	if (answer->outcome != QUERY_ANSWERED)
		return;
	received = ns_add(answer->offset.high, answer->source_time);
	sent = ns_subtract(received, answer->delay);
	edge_start(&edge, sent, received, seconds_floor(answer->source_time));
	while (edge_wants_more(&edge) && may_ask_again(query)) {
		struct datagram datagram;

		/* Do not wait for a question that cannot be asked in time: the known interval would widen with its age. */
		if (ns_subtract(edge.next, sysclock_now()) > time_left(query))
			break;
		sleep_until(edge.next);
		if (exchange_datagram(query, NULL, 0, UDP_TRY / 4, &datagram) > 0 && datagram.length == RFC868_OCTETS)
			edge_take(&edge, datagram.sent, datagram.received, rfc868_decode(datagram.octets, query->pivot));
		else
			edge_plan(&edge, sysclock_now());
	}
	answer->offset = edge_offset(&edge, sysclock_now());
	answer->delay = edge.shortest;
}

void
query_ask(struct query *query, struct query_answer *answer)
{
	if (query->request->edge)
		ask_edge(query, answer);
	else if (uses_udp(query->request))
		ask_udp(query, answer);
	else
		ask_tcp(query, answer);
}

void
query_describe(const struct query_answer *answer, char *text, size_t size)
{
	static const char *const texts[QUERY_OUTCOMES] = {
		[QUERY_ANSWERED] = "answered",
		[QUERY_NO_ADDRESS] = "no address: ",
		[QUERY_UNREACHABLE] = "cannot connect: ",
		[QUERY_TIMEOUT] = "no answer in time",
		[QUERY_CLOSED] = "closed without an answer: its hosts.allow denies this machine, or it has no time to give",
		[QUERY_LONG] = "sent more than 4 octets: not RFC 868 (some 64-bit inetds send 8)",
		[QUERY_BROKEN] = "the connection failed before an answer arrived: ",
		[QUERY_KISS] = "refused with kiss-o'-death code ",
		[QUERY_UNSYNCHRONISED] = "says that its own clock is not synchronised, or may be more than 16 s off",
		[QUERY_NONSENSE] = "sent times that are missing or contradict each other",
		[QUERY_FAILED] = "the process that asks it failed: ",
	};
	const char *detail = "";
	int error = answer->error;

	if (answer->outcome == QUERY_NO_ADDRESS)
		detail = gai_strerror(error);
	else if (answer->outcome == QUERY_UNREACHABLE || answer->outcome == QUERY_BROKEN || answer->outcome == QUERY_FAILED)
		detail = strerror(error);
	else if (answer->outcome == QUERY_KISS)
		detail = answer->text;
	if (answer->outcome == QUERY_TIMEOUT && error > 0)
		snprintf(text, size, "sent %d octet%s and no more in time: expected 4", error, PLURAL(error));
	else if (answer->outcome == QUERY_SHORT)
		snprintf(text, size, "sent %d octet%s: too few", error, PLURAL(error));
	else
		snprintf(text, size, "%s%s", texts[answer->outcome], detail);
}
