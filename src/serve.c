/* Answering RFC 868: see serve.h. */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include "access.h"
#include "clocktime.h"
#include "confine.h"
#include "peer.h"
#include "ratelimit.h"
#include "rfc868.h"
#include "superserver.h"
#include "sysclock.h"
#include "verdict.h"
#include "version.h"

/* What a client may send before its connection is closed under it. */
#define DRAIN_OCTETS 65536
#define DRAIN_MILLISECONDS 2000

/* Connections answered and half-closed, kept this many connections (or a tick) longer so that late data is read. */
#define LINGERING 64

/* Wait mode's state.  One process serves one socket. */
static struct {
	const struct service *service;
	uint32_t tick;		/* the last tick seen */
	uint32_t idle;		/* ticks without a request */
	bool confined;
	struct ratelimit refusals;
	struct verdict_table verdicts;
} wait_state;

/* Whether there is a time to give; the reason against goes to syslog. */
static bool
have_time(const struct service *service, int64_t *seconds, bool may_log)
{
	*seconds = seconds_floor(sysclock_now());
	if (*seconds < RELEASE_SECONDS) {
		if (may_log)
			syslog(LOG_ERR, "no time to give: the clock reads before " RELEASE_DATE
			    ", when this program was released");
		return false;
	}
	if (service->require_sync) {
		struct sysclock_state state;

		if (sysclock_state(&state) != 0 || !state.synchronised) {
			if (may_log)
				syslog(LOG_ERR, "no time to give: the kernel's clock is not synchronised (-s)");
			return false;
		}
	}
	return true;
}

static void
log_refusal(const union peer *peer, const char *transport)
{
	char text[PEER_TEXT];

	peer_format(peer, text);
	syslog(access_severity(), "refused connect from %s (%s)", text, transport);
}

static void
log_answer(const union peer *peer, const char *transport)
{
	char text[PEER_TEXT];

	peer_format(peer, text);
	syslog(LOG_INFO, "answered %s (%s)", text, transport);
}

enum status
serve_output(const struct service *service, int fd)
{
	uint8_t octets[RFC868_OCTETS];
	int64_t seconds;
	size_t sent = 0;

	if (!have_time(service, &seconds, true))
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

/* Sends the answer and the end of the stream, in one segment.  False when the client is gone. */
static bool
answer_stream(int fd, int64_t seconds)
{
	uint8_t octets[RFC868_OCTETS];
	ssize_t sent;

	rfc868_encode(seconds, octets);
	/* Four octets always fit into an empty send buffer: this cannot block. */
	do
		sent = send(fd, octets, sizeof octets, MSG_NOSIGNAL | MSG_MORE);
	while (sent < 0 && errno == EINTR);
	return shutdown(fd, SHUT_WR) == 0 && sent == (ssize_t)sizeof octets;
}

/*
 * Reads what the client sent: closing a socket with unread data resets the connection, and the reset may take the
 * answer with it.  True at the end of the stream or an error, false when there is nothing more for now.
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
			return got == 0 || (errno != EAGAIN);
		*budget -= (size_t)got < *budget ? (size_t)got : *budget;
	}
	return true;
}

enum status
serve_connection(const struct service *service, int fd)
{
	union peer peer = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t length = sizeof peer;
	size_t budget = DRAIN_OCTETS;
	nanoseconds end;
	int64_t seconds;

	if (getpeername(fd, &peer.any, &length) != 0) {
		/* A client that has gone already is no fault of this system. */
		syslog(LOG_INFO, "client gone before it was answered: %m");
		return errno == ENOTCONN ? STATUS_DONE : STATUS_SYSTEM;
	}
	peer_unmap(&peer);
	access_tables_changed();
	/* A rule's program is started by libwrap, here, and is the administrator's to confine. */
	if (!access_may_run() && !confine())
		return STATUS_SYSTEM;
	if (!access_allows(&peer, fd)) {
		log_refusal(&peer, "tcp");
		return STATUS_REFUSED;
	}
	if (!have_time(service, &seconds, true))
		return STATUS_SYSTEM;
	if (!answer_stream(fd, seconds))
		return STATUS_DONE;
	if (service->log_answers)
		log_answer(&peer, "tcp");
	end = sysclock_elapsed() + DRAIN_MILLISECONDS * NS_PER_MILLISECOND;
	while (!drain(fd, &budget)) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		nanoseconds left = end - sysclock_elapsed();

		if (left <= 0 || (poll(&readable, 1, (int)(left / NS_PER_MILLISECOND) + 1) < 0 && errno != EINTR))
			break;
	}
	return STATUS_DONE;
}

/*
 * As long as no rule wants a program started, none can be.  False when it is time to leave: what a rule now wants, a
 * process can do that the superserver starts anew.
 */
static bool
wait_confine(void)
{
	if (access_may_run())
		return !wait_state.confined;
	if (!wait_state.confined)
		wait_state.confined = confine();
	return wait_state.confined;
}

/* Starts wait mode; STATUS_DONE when all is well. */
static enum status
wait_start(const struct service *service)
{
	uint64_t seed = 0;
	const void *random = (const void *)getauxval(AT_RANDOM);
	int error = superserver_follow();

	if (error == ESRCH) {
		syslog(LOG_NOTICE, "the superserver is gone: leaving");
		return STATUS_SYSTEM;
	}
	if (error != 0) {
		errno = error;
		syslog(LOG_ERR, "cannot follow the superserver: %m");
		return STATUS_SYSTEM;
	}
	if (random != NULL)
		memcpy(&seed, random, sizeof seed);
	wait_state.service = service;
	verdict_start(&wait_state.verdicts, seed);
	access_tables_changed();
	return wait_confine() ? STATUS_DONE : STATUS_SYSTEM;
}

/* What each tick asks for.  False when it is time to leave. */
static bool
wait_tick(void)
{
	uint32_t passed = superserver_ticks() - wait_state.tick;
	uint64_t held;

	wait_state.tick += passed;
	wait_state.idle += passed;
	if (access_tables_changed()) {
		verdict_forget_all(&wait_state.verdicts);
		if (!wait_confine())
			return false;
	}
	held = ratelimit_tick(&wait_state.refusals);
	if (held > 0)
		syslog(LOG_WARNING, "%llu more refusals were not logged", (unsigned long long)held);
	if (superserver_in_doubt() && wait_state.tick >= wait_state.service->idle_seconds)
		return false;
	return wait_state.idle < wait_state.service->idle_seconds;
}

static bool
wait_ticked(void)
{
	return superserver_ticks() != wait_state.tick;
}

/* Whether PEER may be answered: by the cache, or by libwrap.  Logs a refusal. */
static bool
wait_allows(const union peer *peer, int fd, const char *transport)
{
	enum verdict verdict = verdict_find(&wait_state.verdicts, peer, wait_state.tick);

	if (verdict == VERDICT_UNKNOWN) {
		verdict = access_allows(peer, fd) ? VERDICT_ALLOWED : VERDICT_DENIED;
		if (access_may_cache())
			verdict_keep(&wait_state.verdicts, peer, wait_state.tick, verdict);
	}
	if (verdict == VERDICT_DENIED && ratelimit_allows(&wait_state.refusals))
		log_refusal(peer, transport);
	return verdict == VERDICT_ALLOWED;
}

static bool
wait_have_time(int64_t *seconds)
{
	if (have_time(wait_state.service, seconds, false))
		return true;
	return have_time(wait_state.service, seconds, ratelimit_allows(&wait_state.refusals));
}

/* After an error that may pass (no descriptors, no memory): until the next tick at most, without spinning. */
static void
wait_for_tick(void)
{
	if (!wait_ticked())
		poll(NULL, 0, 100);
}

/* Waits for a socket that turns out to be non-blocking. */
static void
wait_readable(int fd)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	if (!wait_ticked())
		poll(&readable, 1, 1000);
}

static struct {
	int fd;			/* 0: an empty place (standard input is the listener) */
	uint32_t tick;		/* when it was answered */
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

/* Keeps an answered connection a while; the one that has its place is closed. */
static void
linger_add(int fd)
{
	linger_end(linger_next);
	lingering[linger_next].fd = fd;
	lingering[linger_next].tick = wait_state.tick;
	linger_next = (linger_next + 1) % LINGERING;
}

/* Closes what was answered before the last tick; with ALL, everything. */
static void
linger_sweep(bool all)
{
	for (unsigned place = 0; place < LINGERING; place++)
		if (all || wait_state.tick - lingering[place].tick > 1)
			linger_end(place);
}

static void
serve_accepted(int fd, union peer *peer)
{
	int64_t seconds;

	peer_unmap(peer);
	if (!wait_allows(peer, fd, "tcp") || !wait_have_time(&seconds)) {
		close(fd);
		return;
	}
	if (!answer_stream(fd, seconds)) {
		close(fd);
		return;
	}
	linger_add(fd);
	if (wait_state.service->log_answers)
		log_answer(peer, "tcp");
}

/* What an error of accept(2) or recvmsg(2) is: nothing, something that passes, or the end. */
enum trouble { TROUBLE_NONE, TROUBLE_EMPTY, TROUBLE_PASSING, TROUBLE_FATAL };

static enum trouble
trouble_of(int error)
{
	switch (error) {
	case EINTR:
	/* accept(2): errors already pending on the new connection are passed on and mean "try again". */
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ECONNREFUSED:
	case EPERM:
		return TROUBLE_NONE;
	case EAGAIN:
		return TROUBLE_EMPTY;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return TROUBLE_PASSING;
	default:
		return TROUBLE_FATAL;
	}
}

enum status
serve_listener(const struct service *service, int fd)
{
	enum status status = wait_start(service);

	while (status == STATUS_DONE) {
		union peer peer;
		socklen_t length = sizeof peer;
		int connection;

		if (wait_ticked()) {
			if (!wait_tick())
				break;
			linger_sweep(false);
		}
		connection = accept4(fd, &peer.any, &length, SOCK_CLOEXEC);
		if (connection >= 0) {
			wait_state.idle = 0;
			serve_accepted(connection, &peer);
			continue;
		}
		switch (trouble_of(errno)) {
		case TROUBLE_NONE:
			break;
		case TROUBLE_EMPTY:
			wait_readable(fd);
			break;
		case TROUBLE_PASSING:
			if (ratelimit_allows(&wait_state.refusals))
				syslog(LOG_ERR, "cannot accept a connection: %m");
			linger_sweep(true);
			wait_for_tick();
			break;
		case TROUBLE_FATAL:
			syslog(LOG_ERR, "cannot accept connections: %m");
			status = STATUS_SYSTEM;
			break;
		}
	}
	linger_sweep(true);
	return status;
}

/* Room for one IP_PKTINFO or IPV6_PKTINFO, the larger. */
union pktinfo_room {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
};

/*
 * Writes to OUT what makes an answer leave from the address that IN was sent to.  Returns its length, 0 where that
 * address is no address to send from: the kernel chooses then.
 */
static size_t
answer_from_asked(struct msghdr *in, union pktinfo_room *out)
{
	memset(out, 0, sizeof *out);
	for (struct cmsghdr *told = CMSG_FIRSTHDR(in); told != NULL; told = CMSG_NXTHDR(in, told)) {
		out->header.cmsg_level = told->cmsg_level;
		out->header.cmsg_type = told->cmsg_type;
		if (told->cmsg_level == IPPROTO_IP && told->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(told), sizeof info);
			/*
			 * ipi_addr is the destination asked.  ipi_spec_dst would do for all but the datagram that
			 * started this process: it came before IP_PKTINFO was asked for, and has none.
			 */
			if (info.ipi_spec_dst.s_addr == 0)
				info.ipi_spec_dst = info.ipi_addr;
			info.ipi_ifindex = 0;
			out->header.cmsg_len = CMSG_LEN(sizeof info);
			memcpy(CMSG_DATA(&out->header), &info, sizeof info);
			return CMSG_SPACE(sizeof info);
		}
		if (told->cmsg_level == IPPROTO_IPV6 && told->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(told), sizeof info);
			if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
				return 0;
			/* The interface matters to link-local addresses only; elsewhere routing decides. */
			if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				info.ipi6_ifindex = 0;
			out->header.cmsg_len = CMSG_LEN(sizeof info);
			memcpy(CMSG_DATA(&out->header), &info, sizeof info);
			return CMSG_SPACE(sizeof info);
		}
	}
	return 0;
}

static bool
send_answer(int fd, const struct msghdr *answer)
{
	return sendmsg(fd, answer, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void
serve_datagram(int fd, struct msghdr *question)
{
	uint8_t octets[RFC868_OCTETS];
	struct iovec content = { .iov_base = octets, .iov_len = sizeof octets };
	union pktinfo_room from;
	union peer peer;
	struct msghdr answer = { .msg_name = question->msg_name, .msg_namelen = question->msg_namelen,
		.msg_iov = &content, .msg_iovlen = 1 };
	int64_t seconds;

	memcpy(&peer, question->msg_name, sizeof peer);
	peer_unmap(&peer);
	if (peer_may_loop(&peer) || !wait_allows(&peer, -1, "udp") || !wait_have_time(&seconds))
		return;
	rfc868_encode(seconds, octets);
	answer.msg_controllen = answer_from_asked(question, &from);
	answer.msg_control = answer.msg_controllen > 0 ? &from : NULL;
	if (!send_answer(fd, &answer)) {
		if (answer.msg_control == NULL ||
		    (errno != EINVAL && errno != EADDRNOTAVAIL && errno != ENETUNREACH && errno != ENODEV))
			return;
		/* Asked by broadcast, or the address has just gone: any address of ours is better than none. */
		answer.msg_control = NULL;
		answer.msg_controllen = 0;
		if (!send_answer(fd, &answer))
			return;
	}
	if (wait_state.service->log_answers)
		log_answer(&peer, "udp");
}

static void
ask_for_destinations(int fd)
{
	int on = 1;

	/* An IPv6 socket refuses the first where it is IPv6 only, an IPv4 one the second: either will do. */
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

enum status
serve_datagrams(const struct service *service, int fd)
{
	enum status status = wait_start(service);
	bool leaving = false;

	ask_for_destinations(fd);
	while (status == STATUS_DONE) {
		char request[64];
		struct iovec room = { .iov_base = request, .iov_len = sizeof request };
		union pktinfo_room control;
		union peer asker;
		struct msghdr message = { .msg_name = &asker, .msg_namelen = sizeof asker, .msg_iov = &room,
			.msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };

		if (wait_ticked() && !wait_tick()) {
			if (leaving)
				break;
			leaving = true;
		}
		/* Never leave with a query waiting: a superserver may throw it away before it starts the next helper. */
		if (recvmsg(fd, &message, leaving ? MSG_DONTWAIT : 0) >= 0) {
			wait_state.idle = 0;
			leaving = leaving && superserver_in_doubt();
			serve_datagram(fd, &message);
			continue;
		}
		switch (trouble_of(errno)) {
		case TROUBLE_NONE:
			break;
		case TROUBLE_EMPTY:
			if (leaving)
				return STATUS_DONE;
			wait_readable(fd);
			break;
		case TROUBLE_PASSING:
			wait_for_tick();
			break;
		case TROUBLE_FATAL:
			syslog(LOG_ERR, "cannot receive: %m");
			status = STATUS_SYSTEM;
			break;
		}
	}
	return status;
}
