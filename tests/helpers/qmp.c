/*
 * qmp SOCKET run NAME                          one QMP command without arguments: stop, cont, quit, system_reset ...
 * qmp SOCKET monitor TEXT                      one command of the human monitor (savevm NAME); status 1 if it complains
 * qmp SOCKET pause SECONDS                     stop, wait by this machine's monotonic clock, cont
 * qmp SOCKET throttle RUN PERIOD SECONDS       run RUN milliseconds of every PERIOD, until SIGTERM or SECONDS
 *                                              have passed; prints "throttled" at the start; leaves the guest running
 *
 * Connects to QEMU's monitor over a Unix socket.  Changes into the socket's directory first, so that the path may be
 * longer than the 107 octets that fit into a socket address.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 60, LINE = 65536 };

static int stopped;
static sigset_t ends;
static FILE *from;
static int fd;
static char line[LINE];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "qmp: %s: %s\n", what, why);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Waits until the monotonic clock shows NS, or until a signal comes that ends the program.  These signals are blocked
 * everywhere else, so that none interrupts a command and leaves the guest stopped.
 */
static void wait_until(int64_t ns)
{
	int64_t left;

	while (!stopped && (left = ns - now_ns()) > 0) {
		struct timespec limit = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };

		if (sigtimedwait(&ends, NULL, &limit) > 0)
			stopped = 1;
	}
}

/* Sends one line and leaves the line that answers it in `line`; skips events that come before it. */
static void command(const char *format, ...)
{
	char text[1024];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof text)
		die("command", "too long");
	if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length)
		die("send", strerror(errno));
	for (;;) {
		if (!fgets(line, sizeof line, from))
			die(text, "the monitor went away or does not answer");
		if (strncmp(line, "{\"error\"", 8) == 0)
			die(text, line);
		if (strncmp(line, "{\"return\"", 9) == 0)
			return;
	}
}

/* Like command(), for a connection that may close before it answers. */
static void command_last(const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		die("send", strerror(errno));
	while (fgets(line, sizeof line, from))
		;
}

static void connect_monitor(char *path)
{
	struct sockaddr_un there = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	char *copy = strdup(path);
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	if (!copy || strlen(name) >= sizeof there.sun_path)
		die(path, "name too long");
	if (chdir(dirname(copy)) < 0)
		die(copy, strerror(errno));
	memcpy(there.sun_path, name, strlen(name) + 1);
	free(copy);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&there, sizeof there) < 0)
		die(path, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	from = fdopen(fd, "r");
	if (!from || !fgets(line, sizeof line, from))
		die(path, "no greeting");
	command("{\"execute\":\"qmp_capabilities\"}\n");
}

static void throttle(double run, double period, double seconds)
{
	int64_t start = now_ns(), end = start + (int64_t)(seconds * 1e9);
	int64_t run_ns = (int64_t)(run * 1e6), period_ns = (int64_t)(period * 1e6);

	command("{\"execute\":\"stop\"}\n");
	puts("throttled");
	fflush(stdout);
	while (!stopped && now_ns() < end) {
		int64_t turn = now_ns();

		wait_until(turn + period_ns - run_ns);
		command("{\"execute\":\"cont\"}\n");
		wait_until(now_ns() + run_ns);
		command("{\"execute\":\"stop\"}\n");
	}
	command("{\"execute\":\"cont\"}\n");
}

int main(int argc, char **argv)
{
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	if (argc == 4 && strcmp(argv[2], "run") == 0) {
		connect_monitor(argv[1]);
		if (strcmp(argv[3], "quit") == 0)
			command_last("{\"execute\":\"quit\"}\n");
		else
			command("{\"execute\":\"%s\"}\n", argv[3]);
	} else if (argc == 4 && strcmp(argv[2], "monitor") == 0) {
		connect_monitor(argv[1]);
		command("{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"%s\"}}\n", argv[3]);
		if (strncmp(line, "{\"return\": \"\"}", 14) != 0)
			die(argv[3], line);
	} else if (argc == 4 && strcmp(argv[2], "pause") == 0) {
		int64_t start;

		connect_monitor(argv[1]);
		command("{\"execute\":\"stop\"}\n");
		start = now_ns();
		wait_until(start + (int64_t)(atof(argv[3]) * 1e9));
		command("{\"execute\":\"cont\"}\n");
	} else if (argc == 6 && strcmp(argv[2], "throttle") == 0) {
		connect_monitor(argv[1]);
		throttle(atof(argv[3]), atof(argv[4]), atof(argv[5]));
	} else {
		fprintf(stderr, "usage: qmp SOCKET run NAME | monitor TEXT | pause SECONDS | throttle RUN PERIOD SECONDS\n");
		return 100;
	}
	return 0;
}
