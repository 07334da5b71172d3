/*
 * starts COUNT PROGRAM [ARGUMENT...]: starts PROGRAM COUNT times, one after another, as a superserver does under
 * nowait, each time with a new TCP connection on descriptors 0, 1 and 2, and reads the answer.  Prints one line:
 *
 *	CPU FAULTS WALL
 *
 * the medians of one start: processor time (user and system, from the fork on) and time until the answer was complete,
 * in microseconds, and page faults.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MOST 10000

static double cpu[COUNT_MOST], faults[COUNT_MOST], wall[COUNT_MOST];

static void
die(const char *what)
{
	fprintf(stderr, "starts: %s: %s\n", what, strerror(errno));
	exit(111);
}

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
start(int listener, char **command, int at)
{
	struct sockaddr_in here;
	socklen_t length = sizeof here;
	struct rusage usage;
	char octets[16];
	size_t total = 0;
	ssize_t got;
	int client, connection, status;
	double begin;
	pid_t pid;

	if (getsockname(listener, (struct sockaddr *)&here, &length) != 0)
		die("getsockname");
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client < 0 || connect(client, (struct sockaddr *)&here, length) != 0)
		die("connect");
	connection = accept(listener, NULL, NULL);
	begin = now_us();
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		for (int fd = 0; fd <= 2; fd++)
			dup2(connection, fd);
		if (connection > 2)
			close(connection);
		execv(command[0], command);
		_exit(111);
	}
	close(connection);
	while (total < sizeof octets && (got = read(client, octets + total, sizeof octets - total)) > 0)
		total += (size_t)got;
	wall[at] = now_us() - begin;
	close(client);
	if (wait4(pid, &status, 0, &usage) != pid)
		die("wait4");
	if (total != 4 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "starts: %s: %zu octets, status %d: expected 4 octets and 0\n", command[0], total, status);
		exit(1);
	}
	cpu[at] = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	faults[at] = (double)usage.ru_minflt;
}

static int
compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference < 0 ? -1 : difference > 0;
}

static double
median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof values[0], compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int count = argc > 2 ? atoi(argv[1]) : 0;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (count < 1 || count > COUNT_MOST) {
		fprintf(stderr, "starts: expected COUNT, from 1 to %d, PROGRAM [ARGUMENT...]\n", COUNT_MOST);
		return 100;
	}
	if (listener < 0 || bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(listener, 8) != 0)
		die("listen");
	for (int at = 0; at < count; at++)
		start(listener, argv + 2, at);
	printf("%.1f %.0f %.1f\n", median(cpu, count), median(faults, count), median(wall, count));
	return 0;
}
