/*
 * bare: the machine's limit, for comparison: answers RFC 868 on file descriptor 0 with no check at all.
 *
 *	bare accept	a listening socket: accept, write, close
 *	bare more	the same, data and FIN in one segment
 *	bare recvmmsg	a datagram socket: recvmmsg, sendmmsg
 *	bare recvfrom	a datagram socket: recvfrom, sendto
 *	bare write	four octets to standard output: the least that a program can cost to start
 */
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

static void
octets(uint8_t out[4])
{
	struct timespec now;
	uint32_t count;

	clock_gettime(CLOCK_REALTIME, &now);
	count = (uint32_t)((uint64_t)now.tv_sec + 2208988800U);
	for (int at = 0; at < 4; at++)
		out[at] = (uint8_t)(count >> (24 - 8 * at));
}

static void
streams(int more)
{
	uint8_t out[4];

	for (;;) {
		int fd = accept(0, NULL, NULL);

		if (fd < 0)
			continue;
		octets(out);
		if (send(fd, out, 4, MSG_NOSIGNAL | (more ? MSG_MORE : 0)) < 0) {
			/* The client has gone; so does the connection. */
		}
		close(fd);
	}
}

static void
datagrams(void)
{
	uint8_t out[4], in[64];

	for (;;) {
		struct sockaddr_storage from;
		socklen_t length = sizeof from;

		if (recvfrom(0, in, sizeof in, 0, (struct sockaddr *)&from, &length) < 0)
			continue;
		octets(out);
		sendto(0, out, 4, MSG_DONTWAIT, (struct sockaddr *)&from, length);
	}
}

static void
batches(void)
{
	static struct sockaddr_storage from[BATCH];
	static struct mmsghdr messages[BATCH];
	static struct iovec in[BATCH], answer[BATCH];
	static uint8_t room[BATCH][64], out[4];

	for (;;) {
		int got;

		for (int at = 0; at < BATCH; at++) {
			in[at] = (struct iovec){ room[at], sizeof room[at] };
			messages[at].msg_hdr = (struct msghdr){ .msg_name = &from[at], .msg_namelen = sizeof from[at],
				.msg_iov = &in[at], .msg_iovlen = 1 };
		}
		got = recvmmsg(0, messages, BATCH, MSG_WAITFORONE, NULL);
		if (got <= 0)
			continue;
		octets(out);
		for (int at = 0; at < got; at++) {
			answer[at] = (struct iovec){ out, 4 };
			messages[at].msg_hdr.msg_iov = &answer[at];
		}
		sendmmsg(0, messages, (unsigned)got, MSG_DONTWAIT);
	}
}

int
main(int argc, char **argv)
{
	uint8_t out[4];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc < 2 || strcmp(argv[1], "write") == 0) {
		octets(out);
		return write(1, out, 4) != 4;
	}
	if (strcmp(argv[1], "accept") == 0 || strcmp(argv[1], "more") == 0)
		streams(argv[1][0] == 'm');
	if (strcmp(argv[1], "recvmmsg") == 0)
		batches();
	datagrams();
	return 0;
}
