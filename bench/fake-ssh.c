/*
 * Replaces ssh where guestclock's own cost is measured: speaks the guest's side of the exchange itself, with this
 * machine's clock, and changes nothing.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	static const char greeting[] = "guestclock 1 boot=00000000-0000-0000-0000-000000000000 sync=no freq=+0.000 tick=10000\n";
	char line[256], answer[64];
	struct timespec now;
	ssize_t got;
	int length;

	if (write(STDOUT_FILENO, greeting, sizeof greeting - 1) < 0)
		return 255;
	while ((got = read(STDIN_FILENO, line, sizeof line)) > 0) {
		if (memcmp(line, "bye", 3) == 0)
			return 0;
		clock_gettime(CLOCK_REALTIME, &now);
		length = snprintf(answer, sizeof answer, "%s %lld.%09ld\n", memcmp(line, "now", 3) == 0 ? "now" : "done",
			(long long)now.tv_sec, now.tv_nsec);
		if (write(STDOUT_FILENO, answer, (size_t)length) < 0)
			return 255;
	}
	return 0;
}
