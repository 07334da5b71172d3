/*
 * clock-compare [-h HOST] [-p PORT] [-n COUNT]: asks clock-answer COUNT times in succession, uses the shortest round
 * trip, and prints one line, in seconds:
 *
 *	OFFSET BOUND DELAY
 *
 * OFFSET is the other clock minus this one at the middle of the round trip.  DELAY is the round-trip delay.  BOUND is
 * half of it, rounded up: the true offset lies within OFFSET +- BOUND.  All arithmetic is in whole nanoseconds.  Starts
 * no question after TOTAL_MS.  If there was no answer, prints one line and exits with status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 16, STAMP = 8, EACH_MS = 1000, TOTAL_MS = 10000, COUNT_MAX = 10000 };

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void print_seconds(int64_t ns, const char *end)
{
	uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	printf("%s%" PRIu64 ".%09" PRIu64 "%s", ns < 0 ? "-" : "", size / 1000000000u, size % 1000000000u, end);
}

static int connect_udp(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV }, *found;
	int fd, error = getaddrinfo(host, port, &hints, &found);

	if (error) {
		fprintf(stderr, "clock-compare: %s port %s: %s\n", host, port, gai_strerror(error));
		exit(1);
	}
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0) {
		fprintf(stderr, "clock-compare: %s port %s: %s\n", host, port, strerror(errno));
		exit(1);
	}
	freeaddrinfo(found);
	return fd;
}

/* One round trip.  Returns 1 and the three times if the answer to this very question came within EACH_MS, else 0. */
static int ask(int fd, const unsigned char *nonce, uint64_t number, int64_t *t1, int64_t *theirs, int64_t *t2)
{
	unsigned char question[PAYLOAD], answer[PAYLOAD + STAMP + 1];
	int64_t until = read_clock(CLOCK_MONOTONIC) + (int64_t)EACH_MS * 1000000;

	memcpy(question, nonce, PAYLOAD - sizeof number);
	memcpy(question + PAYLOAD - sizeof number, &number, sizeof number);
	*t1 = read_clock(CLOCK_REALTIME);
	if (send(fd, question, sizeof question, 0) < 0)
		return 0;
	for (;;) {
		int64_t left = until - read_clock(CLOCK_MONOTONIC);
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		uint64_t ns = 0;
		ssize_t length;

		if (left <= 0 || poll(&ready, 1, (int)(left / 1000000 + 1)) <= 0)
			return 0;
		length = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
		*t2 = read_clock(CLOCK_REALTIME);
		if (length < 0 && errno == ECONNREFUSED) {	/* nobody listens yet; the next question may succeed */
			nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
			return 0;
		}
		if (length != PAYLOAD + STAMP || memcmp(answer, question, PAYLOAD) != 0)
			continue;
		for (int i = 0; i < STAMP; i++)
			ns = ns << 8 | answer[PAYLOAD + i];
		*theirs = (int64_t)ns;
		return *t2 >= *t1;
	}
}

int main(int argc, char **argv)
{
	const char *host = "127.0.0.1", *port = "9037";
	unsigned char nonce[PAYLOAD - sizeof(uint64_t)];
	int64_t best = INT64_MAX, offset = 0, end;
	uint64_t number = 0;
	long count = 32;
	int fd, option;

	while ((option = getopt(argc, argv, "h:p:n:")) != -1) {
		switch (option) {
		case 'h': host = optarg; break;
		case 'p': port = optarg; break;
		case 'n': count = atol(optarg); break;
		default: goto usage;
		}
	}
	if (optind != argc || count < 1 || count > COUNT_MAX) {
usage:
		fprintf(stderr, "usage: clock-compare [-h HOST] [-p PORT] [-n COUNT]\n");
		return 100;
	}
	if (getrandom(nonce, sizeof nonce, 0) != sizeof nonce)
		return 1;
	fd = connect_udp(host, port);
	end = read_clock(CLOCK_MONOTONIC) + (int64_t)TOTAL_MS * 1000000;
	for (long i = 0; i < count && read_clock(CLOCK_MONOTONIC) < end; i++) {
		int64_t t1, theirs, t2;

		if (!ask(fd, nonce, number++, &t1, &theirs, &t2) || t2 - t1 >= best)
			continue;
		best = t2 - t1;
		offset = theirs - (t1 + best / 2);
	}
	if (best == INT64_MAX) {
		fprintf(stderr, "clock-compare: %s port %s: no answer\n", host, port);
		return 1;
	}
	print_seconds(offset, " ");
	print_seconds((best + 1) / 2, " ");
	print_seconds(best, "\n");
	return 0;
}
