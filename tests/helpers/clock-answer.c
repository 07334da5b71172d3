/*
 * clock-answer [PORT]: runs in the test guest.  Answers every datagram on UDP port 9037 (or PORT) with the same octets
 * and then the guest's clock: CLOCK_REALTIME in nanoseconds since the epoch, 8 octets, most significant first, read as
 * shortly before the send as possible.  clock-compare asks it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { PORT = 9037, PAYLOAD_MAX = 512, STAMP = 8 };

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	unsigned char buffer[PAYLOAD_MAX + STAMP];
	int fd;

	if (argc > 1)
		here.sin_port = htons((uint16_t)atoi(argv[1]));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) < 0) {
		fprintf(stderr, "clock-answer: UDP port %d: %s\n", ntohs(here.sin_port), strerror(errno));
		return 1;
	}
	for (;;) {
		struct sockaddr_in peer;
		socklen_t peer_length = sizeof peer;
		struct timespec now;
		uint64_t ns;
		ssize_t length = recvfrom(fd, buffer, PAYLOAD_MAX, 0, (struct sockaddr *)&peer, &peer_length);

		if (length < 0)
			continue;
		clock_gettime(CLOCK_REALTIME, &now);
		ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		for (int i = 0; i < STAMP; i++)
			buffer[length + i] = (unsigned char)(ns >> (56 - 8 * i));
		sendto(fd, buffer, (size_t)length + STAMP, 0, (struct sockaddr *)&peer, peer_length);
	}
}
