/*
 * load: a load of RFC 868 questions, every answer checked.
 *
 *	load tcp|udp ADDRESS PORT WINDOW SECONDS [SOURCES]
 *
 * Keeps WINDOW questions under way (TCP: connections; UDP: datagrams) for SECONDS, from SOURCES addresses 127.0.0.1 up
 * (1).  Prints one line of name=value: answers, rate, wrong (answers that are not four octets of the right time), lost
 * (UDP questions not answered in a second; TCP connections that failed), and the latency's percentiles in microseconds.
 * Status 1 when any was wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_MAX 1024
#define LATENCIES (1 << 20)

static struct sockaddr_in server;
static unsigned sources = 1, next_source;
static uint64_t answers, wrong, lost;
static uint32_t latency[LATENCIES];
static size_t latencies;

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static _Noreturn void
fail(const char *what)
{
	perror(what);
	exit(111);
}

static void
took(int64_t ns)
{
	/* A reservoir would be fairer; a run is short, and the first million say enough. */
	if (latencies < LATENCIES)
		latency[latencies++] = (uint32_t)(ns < UINT32_MAX ? ns : UINT32_MAX);
}

static void
check(const uint8_t *octets, ssize_t length)
{
	uint32_t told = (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
	uint32_t here = (uint32_t)((uint64_t)time(NULL) + 2208988800U);

	if (length != 4 || (told - here + 1) > 2)
		wrong++;
	else
		answers++;
}

static void
bind_source(int fd)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int on = 1;

	if (sources <= 1)
		return;
	from.sin_addr.s_addr = htonl(0x7f000001 + next_source++ % sources);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
		fail("bind");
}

struct connection {
	int fd;
	int64_t begun;
	uint8_t octets[8];
	ssize_t got;
};

static void
connect_one(int epoll, struct connection *connection)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = connection } };
	struct linger reset = { 0, 0 };

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connection->fd < 0)
		fail("socket");
	setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	bind_source(connection->fd);
	connection->got = 0;
	connection->begun = now_ns();
	if (connect(connection->fd, (struct sockaddr *)&server, sizeof server) != 0 && errno != EINPROGRESS)
		fail("connect");
	epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

static void
load_tcp(unsigned window, int64_t end)
{
	static struct connection connections[WINDOW_MAX];
	struct epoll_event events[256];
	int epoll = epoll_create1(0);

	for (unsigned at = 0; at < window; at++)
		connect_one(epoll, &connections[at]);
	while (now_ns() < end) {
		int count = epoll_wait(epoll, events, 256, 100);

		for (int at = 0; at < count; at++) {
			struct connection *connection = events[at].data.ptr;
			ssize_t got = recv(connection->fd, connection->octets + connection->got,
			    sizeof connection->octets - (size_t)connection->got, 0);

			if (got < 0 && errno == EAGAIN)
				continue;
			if (got > 0) {
				connection->got += got;
				if (connection->got < (ssize_t)sizeof connection->octets)
					continue;
			}
			if (got < 0 && connection->got == 0)
				lost++;
			else {
				took(now_ns() - connection->begun);
				check(connection->octets, connection->got);
			}
			close(connection->fd);
			connect_one(epoll, connection);
		}
	}
}

#define UDP_SOCKETS 64

static void
load_udp(unsigned window, int64_t end)
{
	static int64_t sent[UDP_SOCKETS];
	static unsigned open_questions[UDP_SOCKETS];
	static struct mmsghdr out[WINDOW_MAX], in[WINDOW_MAX];
	static uint8_t room[WINDOW_MAX][8];
	static struct iovec place[WINDOW_MAX];
	struct epoll_event events[UDP_SOCKETS];
	unsigned sockets = sources > 1 ? UDP_SOCKETS : 1;
	unsigned share = window / sockets > 0 ? window / sockets : 1;
	int fds[UDP_SOCKETS], epoll = epoll_create1(0);

	for (unsigned at = 0; at < WINDOW_MAX; at++) {
		place[at] = (struct iovec){ room[at], sizeof room[at] };
		in[at].msg_hdr.msg_iov = &place[at];
		in[at].msg_hdr.msg_iovlen = 1;
	}
	for (unsigned at = 0; at < sockets; at++) {
		struct epoll_event event = { .events = EPOLLIN, .data = { .u32 = at } };

		fds[at] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		if (fds[at] < 0)
			fail("socket");
		bind_source(fds[at]);
		if (connect(fds[at], (struct sockaddr *)&server, sizeof server) != 0)
			fail("connect");
		epoll_ctl(epoll, EPOLL_CTL_ADD, fds[at], &event);
	}
	while (now_ns() < end) {
		int count;

		for (unsigned at = 0; at < sockets; at++) {
			int64_t now = now_ns();
			int done;

			/* A window that has been silent for a second is lost. */
			if (open_questions[at] > 0 && now - sent[at] > 1000000000) {
				lost += open_questions[at];
				open_questions[at] = 0;
			}
			if (open_questions[at] > share / 2)
				continue;
			done = sendmmsg(fds[at], out, share - open_questions[at], 0);
			if (done > 0) {
				open_questions[at] += (unsigned)done;
				sent[at] = now;
			}
		}
		count = epoll_wait(epoll, events, UDP_SOCKETS, 100);
		for (int at = 0; at < count; at++) {
			unsigned which = events[at].data.u32;
			int got = recvmmsg(fds[which], in, WINDOW_MAX, MSG_DONTWAIT, NULL);

			for (int one = 0; one < got; one++) {
				check(room[one], (ssize_t)in[one].msg_len);
				open_questions[which] -= open_questions[which] > 0;
			}
			if (got > 0)
				took(now_ns() - sent[which]);
		}
	}
}

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
percentile(double part)
{
	return latencies == 0 ? 0 : latency[(size_t)((double)(latencies - 1) * part)] / 1000.0;
}

int
main(int argc, char **argv)
{
	int64_t begun, seconds;
	unsigned window;

	if (argc < 6 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1) {
		fprintf(stderr, "usage: load tcp|udp ADDRESS PORT WINDOW SECONDS [SOURCES]\n");
		return 100;
	}
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(argv[3]));
	window = (unsigned)atoi(argv[4]);
	if (window < 1 || window > WINDOW_MAX)
		window = WINDOW_MAX;
	seconds = atoi(argv[5]);
	/* Bounded, whatever is asked for. */
	if (seconds > 60)
		seconds = 60;
	if (argc > 6)
		sources = (unsigned)atoi(argv[6]);
	begun = now_ns();
	if (strcmp(argv[1], "tcp") == 0)
		load_tcp(window, begun + seconds * 1000000000);
	else
		load_udp(window, begun + seconds * 1000000000);
	qsort(latency, latencies, sizeof latency[0], by_size);
	printf("answers=%llu rate=%.0f wrong=%llu lost=%llu p50=%.1f p99=%.1f p999=%.1f\n", (unsigned long long)answers,
	    (double)answers / ((double)(now_ns() - begun) / 1e9), (unsigned long long)wrong, (unsigned long long)lost,
	    percentile(.5), percentile(.99), percentile(.999));
	return wrong > 0;
}
