/*
 * bare accept|recvfrom|recvmmsg PORT: a minimal time server, for the bench to compare with: no check, no log, no idle
 * time.  It has one socket for IPv6 and IPv4, as the shipped snippets ask for, and runs for ten minutes at most.
 *
 * bare answer: writes four octets to standard output: as small as a program with shared libraries gets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32

static uint32_t
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return htonl((uint32_t)(now.tv_sec + 2208988800));
}

static void
accept_loop(int fd)
{
	for (;;) {
		int connection = accept(fd, NULL, NULL);
		uint32_t octets = seconds();

		if (connection < 0)
			continue;
		(void)!write(connection, &octets, sizeof octets);
		close(connection);
	}
}

static void
recvfrom_loop(int fd)
{
	for (;;) {
		struct sockaddr_in6 from;
		socklen_t length = sizeof from;
		char request[64];
		uint32_t octets;

		if (recvfrom(fd, request, sizeof request, 0, (struct sockaddr *)&from, &length) < 0)
			continue;
		octets = seconds();
		sendto(fd, &octets, sizeof octets, 0, (struct sockaddr *)&from, length);
	}
}

static void
recvmmsg_loop(int fd)
{
	static struct sockaddr_in6 from[BATCH];
	static char request[BATCH][64];
	static struct iovec in[BATCH], out;
	static struct mmsghdr questions[BATCH], answers[BATCH];
	uint32_t octets;

	out = (struct iovec){ .iov_base = &octets, .iov_len = sizeof octets };
	for (;;) {
		int count;

		for (int at = 0; at < BATCH; at++) {
			in[at] = (struct iovec){ .iov_base = request[at], .iov_len = sizeof request[at] };
			questions[at].msg_hdr = (struct msghdr){ .msg_name = &from[at], .msg_namelen = sizeof from[at],
				.msg_iov = &in[at], .msg_iovlen = 1 };
		}
		count = recvmmsg(fd, questions, BATCH, MSG_WAITFORONE, NULL);
		octets = seconds();
		for (int at = 0; at < count; at++)
			answers[at].msg_hdr = (struct msghdr){ .msg_name = &from[at],
				.msg_namelen = questions[at].msg_hdr.msg_namelen, .msg_iov = &out, .msg_iovlen = 1 };
		if (count > 0)
			sendmmsg(fd, answers, (unsigned)count, 0);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in6 here = { .sin6_family = AF_INET6 };
	int fd, on = 1, stream;

	if (argc == 2 && strcmp(argv[1], "answer") == 0) {
		uint32_t octets = seconds();

		return write(STDOUT_FILENO, &octets, sizeof octets) == sizeof octets ? 0 : 111;
	}
	if (argc != 3) {
		fprintf(stderr, "bare: expected accept|recvfrom|recvmmsg PORT, or answer\n");
		return 100;
	}
	alarm(600);
	stream = strcmp(argv[1], "accept") == 0;
	fd = socket(AF_INET6, stream ? SOCK_STREAM : SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	here.sin6_port = htons((uint16_t)atoi(argv[2]));
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || (stream && listen(fd, 1024) != 0)) {
		perror("bare");
		return 111;
	}
	if (stream)
		accept_loop(fd);
	if (strcmp(argv[1], "recvfrom") == 0)
		recvfrom_loop(fd);
	recvmmsg_loop(fd);
	return 0;
}
