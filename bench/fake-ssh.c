/*
 * Replaces ssh where guestclock's own cost is measured: speaks the guest's side of the exchange itself, with this
 * machine's clock, and changes nothing.  If FAKE_SSH_RAW is set, it knows the order "raw".
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	const char *raw = getenv("FAKE_SSH_RAW") != NULL ? " raw" : "";
	char line[256], answer[200];
	long long sets = 0;
	ssize_t got;
	int length;

	length = snprintf(answer, sizeof answer, "guestclock 1 boot=00000000-0000-0000-0000-000000000000 sync=no freq=+0.000 "
	    "tick=10000%s\n", raw);
	if (write(STDOUT_FILENO, answer, (size_t)length) < 0)
		return 255;
	while ((got = read(STDIN_FILENO, line, sizeof line - 1)) > 0) {
		struct timespec now, elapsed;

		line[got] = '\0';
		if (memcmp(line, "bye", 3) == 0)
			return 0;
		clock_gettime(CLOCK_REALTIME, &now);
		clock_gettime(CLOCK_MONOTONIC_RAW, &elapsed);
		length = snprintf(answer, sizeof answer, "%s %lld.%09ld", memcmp(line, "now", 3) == 0 ? "now" :
		    memcmp(line, "raw", 3) == 0 ? "raw" : "done", (long long)now.tv_sec, now.tv_nsec);
		if (memcmp(line, "raw", 3) == 0)
			length += snprintf(answer + length, sizeof answer - (size_t)length,
			    " %lld.%09ld %lld +0.000 10000 +0.000000000 no 16.000000000", (long long)elapsed.tv_sec, elapsed.tv_nsec, sets);
		else if (*raw != '\0' && sscanf(line, "%*s %*s %lld", &sets) == 1)
			length += snprintf(answer + length, sizeof answer - (size_t)length, " %lld", ++sets);
		answer[length++] = '\n';
		if (write(STDOUT_FILENO, answer, (size_t)length) < 0)
			return 255;
	}
	return 0;
}
