/*
 * load tcp ADDRESS PORT WIDTH SECONDS [SOURCES]	WIDTH connections at once: connect, read to the end, close
 * load udp ADDRESS PORT WIDTH SECONDS [SOURCES]	WIDTH unanswered datagrams at once
 * load burst ADDRESS PORT COUNT SECONDS [SOURCES]	COUNT datagrams at once, then waits for the answers
 * load once ADDRESS PORT 1 SECONDS		one connection
 *
 * Sends requests to an RFC 868 service on this machine, and to no other, as fast as it answers, and checks every
 * answer: four octets (eight, inetutils' answer, are counted separately) that are this machine's second.  With SOURCES
 * the requests come in turn from that many addresses, the first of which is 127.1.0.1.  Prints one line:
 *
 *	ANSWERED SECONDS P50 P90 P99 MOST WRONG LONG LOST
 *
 * with the latencies in microseconds.  A datagram without an answer in half a second counts as lost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WIDTH_MOST 4096
#define SECONDS_MOST 60
#define SOURCES_MOST 65000
#define BATCH 32
#define LATENCIES 1000000	/* microseconds; the last element counts all longer ones */
#define LOST_NS 500000000

static uint32_t latency[LATENCIES + 1];
static uint64_t answered, wrong, longer, lost;
static struct sockaddr_in server;
static uint32_t sources, next_source;

static int64_t
now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(111);
}

static void
take_latency(int64_t ns)
{
	int64_t us = ns / 1000;

	latency[us < 0 ? 0 : us > LATENCIES ? LATENCIES : us]++;
}

/* The answer may be the previous second, if a second ended while the answer was on its way. */
static void
take_answer(const unsigned char *octets, size_t length, int64_t sent)
{
	uint32_t value, second = (uint32_t)(now_ns(CLOCK_REALTIME) / 1000000000 + 2208988800);

	answered++;
	take_latency(now_ns(CLOCK_MONOTONIC) - sent);
	if (length == 8) {
		longer++;
		return;
	}
	if (length != 4) {
		wrong++;
		return;
	}
	memcpy(&value, octets, 4);
	value = ntohl(value);
	wrong += value != second && value != second - 1;
}

static struct in_addr
source(void)
{
	struct in_addr address = { .s_addr = htonl(0x7f010001 + next_source) };

	next_source = (next_source + 1) % sources;
	return address;
}

/* ------------------------------------------------------------------------------------------------------- TCP */

struct connection {
	int fd;
	int64_t started;
	size_t got;
	unsigned char octets[16];
};

static void
open_connection(int poller, struct connection *connection)
{
	struct epoll_event wanted = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = connection };
	int on = 1;

	connection->got = 0;
	connection->started = now_ns(CLOCK_MONOTONIC);
	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connection->fd < 0)
		die("socket");
	if (sources > 0) {
		struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = source() };

		setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
		if (bind(connection->fd, (struct sockaddr *)&from, sizeof from) != 0)
			die("bind");
	}
	if (connect(connection->fd, (struct sockaddr *)&server, sizeof server) != 0 && errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &wanted) != 0)
		die("epoll_ctl");
}

/* Returns true when the connection has ended. */
static bool
read_connection(struct connection *connection)
{
	for (;;) {
		ssize_t got = read(connection->fd, connection->octets + connection->got,
		    sizeof connection->octets - connection->got);

		if (got < 0 && errno == EAGAIN)
			return false;
		if (got <= 0 || connection->got + (size_t)got >= sizeof connection->octets) {
			take_answer(connection->octets, got < 0 ? 0 : connection->got, connection->started);
			close(connection->fd);
			return true;
		}
		connection->got += (size_t)got;
	}
}

static void
load_tcp(int width, int64_t end, bool once)
{
	static struct connection connections[WIDTH_MOST];
	int poller = epoll_create1(0);

	if (poller < 0)
		die("epoll_create1");
	for (int at = 0; at < width; at++)
		open_connection(poller, &connections[at]);
	while (now_ns(CLOCK_MONOTONIC) < end) {
		struct epoll_event events[BATCH];
		int count = epoll_wait(poller, events, BATCH, 1000);

		if (count < 0 && errno != EINTR)
			die("epoll_wait");
		if (count == 0)
			lost++;
		for (int at = 0; at < count; at++) {
			struct connection *connection = events[at].data.ptr;

			if (read_connection(connection)) {
				if (once)
					return;
				open_connection(poller, connection);
			}
		}
	}
}

/* ------------------------------------------------------------------------------------------------------- UDP */

static int
open_datagram(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), room = 4 << 20;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (sources == 0 && connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
		die("connect");
	return fd;
}

/* Sends COUNT datagrams in as few calls as possible, so as not to be the bottleneck.  Returns how many were sent. */
static int
send_datagrams(int fd, int count)
{
	static struct mmsghdr messages[BATCH];
	static struct iovec content = { .iov_base = "", .iov_len = 1 };
	static struct {
		struct cmsghdr header;
		struct in_pktinfo info;
	} from[BATCH];

	if (count > BATCH)
		count = BATCH;
	for (int at = 0; at < count; at++) {
		messages[at].msg_hdr = (struct msghdr){ .msg_iov = &content, .msg_iovlen = 1 };
		if (sources == 0)
			continue;
		from[at].header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof from[at].info), .cmsg_level = IPPROTO_IP,
			.cmsg_type = IP_PKTINFO };
		from[at].info = (struct in_pktinfo){ .ipi_spec_dst = source() };
		messages[at].msg_hdr.msg_name = &server;
		messages[at].msg_hdr.msg_namelen = sizeof server;
		messages[at].msg_hdr.msg_control = &from[at];
		messages[at].msg_hdr.msg_controllen = sizeof from[at];
	}
	count = sendmmsg(fd, messages, (unsigned)count, 0);
	if (count < 0 && errno != EAGAIN && errno != ECONNREFUSED)
		die("sendmmsg");
	return count < 0 ? 0 : count;
}

/* When each unanswered datagram was sent: answers arrive in the order of the requests. */
static int64_t sent_at[WIDTH_MOST];
static uint64_t sent_count, received_count;

static int
receive_datagrams(int fd)
{
	static unsigned char octets[BATCH][16];
	static struct mmsghdr messages[BATCH];
	static struct iovec room[BATCH];
	int count;

	for (int at = 0; at < BATCH; at++) {
		room[at] = (struct iovec){ .iov_base = octets[at], .iov_len = sizeof octets[at] };
		messages[at].msg_hdr = (struct msghdr){ .msg_iov = &room[at], .msg_iovlen = 1 };
	}
	count = recvmmsg(fd, messages, BATCH, 0, NULL);
	for (int at = 0; at < count; at++)
		take_answer(octets[at], messages[at].msg_len, sent_at[received_count++ % WIDTH_MOST]);
	return count < 0 ? 0 : count;
}

/* Sends until WIDTH datagrams are unanswered. */
static void
fill_window(int fd, uint64_t width)
{
	while (sent_count - received_count < width) {
		int64_t now = now_ns(CLOCK_MONOTONIC);
		int sent = send_datagrams(fd, (int)(width - (sent_count - received_count)));

		for (int at = 0; at < sent; at++)
			sent_at[sent_count++ % WIDTH_MOST] = now;
		if (sent == 0)
			return;
	}
}

static void
load_udp(uint64_t width, int64_t end, bool once)
{
	int fd = open_datagram();

	fill_window(fd, width);
	while (now_ns(CLOCK_MONOTONIC) < end && sent_count > received_count) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		int got = receive_datagrams(fd);

		if (got == 0 && poll(&readable, 1, once ? 1000 : LOST_NS / 1000000) == 0 && !once) {
			/* All unanswered datagrams are lost.  If one is answered after all, its latency is wrong. */
			lost += sent_count - received_count;
			received_count = sent_count;
		}
		if (!once)
			fill_window(fd, width);
	}
	if (once)
		lost = sent_count - received_count;
}

static double
quantile(double part)
{
	uint64_t before = 0, rank = (uint64_t)(part * (double)answered);

	for (int us = 0; us < LATENCIES; us++) {
		before += latency[us];
		if (before > rank)
			return us;
	}
	return LATENCIES;
}

static int
number(const char *text, int most)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < 1 || value > most) {
		fprintf(stderr, "load: \"%s\": expected a number from 1 to %d\n", text, most);
		exit(100);
	}
	return (int)value;
}

int
main(int argc, char **argv)
{
	int64_t start, seconds;
	int width;

	server.sin_family = AF_INET;
	if ((argc != 6 && argc != 7) || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1 ||
	    bind(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&server, sizeof server) != 0) {
		fprintf(stderr, "load: expected tcp|udp|burst|once ADDRESS PORT WIDTH SECONDS [SOURCES], an address of this machine\n");
		return 100;
	}
	server.sin_port = htons((uint16_t)number(argv[3], 65535));
	width = number(argv[4], WIDTH_MOST);
	seconds = number(argv[5], SECONDS_MOST);
	sources = argc == 7 ? (uint32_t)number(argv[6], SOURCES_MOST) : 0;
	start = now_ns(CLOCK_MONOTONIC);
	if (strcmp(argv[1], "tcp") == 0 || strcmp(argv[1], "once") == 0)
		load_tcp(width, start + seconds * 1000000000, strcmp(argv[1], "once") == 0);
	else
		load_udp((uint64_t)width, start + seconds * 1000000000, strcmp(argv[1], "burst") == 0);
	printf("%llu %.6f %.0f %.0f %.0f %.0f %llu %llu %llu\n", (unsigned long long)answered,
	    (double)(now_ns(CLOCK_MONOTONIC) - start) / 1e9, quantile(0.5), quantile(0.9), quantile(0.99), quantile(1 - 1e-12),
	    (unsigned long long)wrong, (unsigned long long)longer, (unsigned long long)lost);
	return 0;
}
