/*
 * flood [-l OCTETS] [-n DATAGRAMS] [-r RATE] [-s SECONDS] SOURCE[+COUNT] PORT DESTINATION PORT
 *
 * Sends UDP datagrams with OCTETS (default 0) of data to DESTINATION with forged sources: SOURCE and the COUNT - 1 IPv4
 * addresses that follow it, in turn.  Sends RATE datagrams a second (default 0: as many as one core can send), until
 * DATAGRAMS (default 0: no limit) are sent or SECONDS (default 1, at most 60) are over.  Prints "SENT MILLISECONDS".
 * Needs CAP_NET_RAW.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define LENGTH_MAX 65507

struct packet {
	struct iphdr ip;
	struct udphdr udp;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(111);
}

static long number(const char *text, long most)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < 0 || value > most) {
		fprintf(stderr, "flood: \"%s\": expected a number from 0 to %ld\n", text, most);
		exit(100);
	}
	return value;
}

int main(int argc, char **argv)
{
	static struct packet packets[BATCH];
	static struct mmsghdr messages[BATCH];
	static struct iovec parts[BATCH][2];
	static char text[LENGTH_MAX];
	struct sockaddr_in to = { .sin_family = AF_INET };
	long length = 0, most = 0, rate = 0, seconds = 1, count = 1, sent = 0;
	struct in_addr first;
	int64_t start, end;
	int option, fd;
	char *plus;

	while ((option = getopt(argc, argv, "+l:n:r:s:")) != -1)
		switch (option) {
		case 'l':
			length = number(optarg, LENGTH_MAX);
			break;
		case 'n':
			most = number(optarg, 100000000);
			break;
		case 'r':
			rate = number(optarg, 100000000);
			break;
		case 's':
			seconds = number(optarg, 60);
			break;
		default:
			return 100;
		}
	argv += optind;
	if (argc - optind != 4) {
		fprintf(stderr, "flood: expected SOURCE[+COUNT] PORT DESTINATION PORT\n");
		return 100;
	}
	plus = strchr(argv[0], '+');
	if (plus != NULL) {
		*plus = '\0';
		count = number(plus + 1, 1 << 24);
	}
	if (inet_pton(AF_INET, argv[0], &first) != 1 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1 || count < 1) {
		fprintf(stderr, "flood: expected IPv4 addresses\n");
		return 100;
	}
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		fail("socket");
	for (int at = 0; at < BATCH; at++) {
		/*
		 * The kernel fills in the IP header's length, number and checksum.  A UDP checksum of zero means that
		 * there is none.
		 */
		packets[at] = (struct packet){
			.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .daddr = to.sin_addr.s_addr },
			.udp = { .source = htons((uint16_t)number(argv[1], 65535)), .dest = htons((uint16_t)number(argv[3], 65535)),
			    .len = htons((uint16_t)(sizeof(struct udphdr) + (size_t)length)) }
		};
		parts[at][0] = (struct iovec){ &packets[at], sizeof packets[at] };
		parts[at][1] = (struct iovec){ text, (size_t)length };
		messages[at].msg_hdr = (struct msghdr){ .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = parts[at],
			.msg_iovlen = length > 0 ? 2 : 1 };
	}
	start = now_ns();
	end = start + seconds * 1000000000;
	while (now_ns() < end && (most == 0 || sent < most)) {
		unsigned batch = BATCH;
		int done;

		if (rate > 0) {
			double due = (double)(now_ns() - start) / 1e9 * (double)rate + 1 - (double)sent;

			if (due < 1) {
				usleep(200);
				continue;
			}
			if (due < batch)
				batch = (unsigned)due;
		}
		if (most > 0 && most - sent < (long)batch)
			batch = (unsigned)(most - sent);
		for (unsigned at = 0; at < batch; at++)
			packets[at].ip.saddr = htonl(ntohl(first.s_addr) + (uint32_t)((sent + (long)at) % count));
		done = sendmmsg(fd, messages, batch, 0);
		if (done < 0 && errno != EINTR && errno != ENOBUFS)
			fail("sendmmsg");
		if (done > 0)
			sent += done;
	}
	printf("%ld %ld\n", sent, (long)((now_ns() - start) / 1000000));
	return 0;
}
