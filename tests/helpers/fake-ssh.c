/*
 * Replaces ssh in tests of guestclock: first in PATH under the name ssh, it plays a guest.
 *
 * The destination selects the guest: KIND.OFFSET.NUMBER.  OFFSET is in milliseconds (guest minus host, default 0);
 * NUMBER only distinguishes guests.  Records are written into the directory that FAKE_SSH names:
 *
 *	argv		a line for each start: the words of the command line, each followed by a tab
 *	pids		a line for each start: the process id
 *	waits		kind "fullslow": "TIME-NS +1" and "TIME-NS -1" around the second try's initial wait
 *	proxy		kind "proxy": the process id of the process that it started
 *	surroundings	kind "looks": its session, terminal, descriptors and signals
 *	clock-DESTINATION	its clock, which the next start continues: "OFFSET-NS STEPS SLEWS TELLS BYES STARTS"
 *
 * A guest speaks the exchange as release 0.1 did, except those of the kinds "raw" and "stale", which know the order "raw".
 * "stale" gets its clock set right by another host before it answers its first step.
 *
 * No guest lives longer than a minute.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)
#define FLOOD (100L << 20)

static struct {
	int64_t offset, steps, slews, tells, byes, starts;
} guest;

static char clock_path[4096], kind[64];
static int64_t still_at;	/* the time that a clock that stands still shows */
static int64_t sets = 41;	/* the number of the last set */

static int64_t
host_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static bool
is(const char *name)
{
	return strcmp(kind, name) == 0;
}

static void
record(const char *file, const char *text, size_t length)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/%s", getenv("FAKE_SSH"), file);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length)
		abort();
	close(fd);
}

static void
keep_clock(void)
{
	char text[160];
	int fd = open(clock_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	int length = snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
	    guest.offset, guest.steps, guest.slews, guest.tells, guest.byes, guest.starts);

	if (fd < 0 || ftruncate(fd, 0) != 0 || write(fd, text, (size_t)length) != length)
		abort();
	close(fd);
}

static void
find_clock(const char *destination)
{
	const char *dot = strchr(destination, '.');
	FILE *from;

	snprintf(kind, sizeof kind, "%.*s", dot != NULL ? (int)(dot - destination) : (int)strlen(destination), destination);
	/* A file's name has at most 255 octets and no slash: cut the destination, and replace each slash. */
	snprintf(clock_path, sizeof clock_path, "%s/clock-%.200s", getenv("FAKE_SSH"), destination);
	for (char *at = clock_path + strlen(getenv("FAKE_SSH")) + 1; *at != '\0'; at++)
		if (*at == '/')
			*at = '_';
	guest.offset = dot != NULL ? strtoll(dot + 1, NULL, 10) * MILLISECOND : 0;
	from = fopen(clock_path, "re");
	if (from != NULL) {
		if (fscanf(from, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &guest.offset,
		    &guest.steps, &guest.slews, &guest.tells, &guest.byes, &guest.starts) != 6)
			abort();
		fclose(from);
	}
	guest.starts++;
	keep_clock();
}

static void
say(const char *text)
{
	size_t length = strlen(text);

	if (write(STDOUT_FILENO, text, length) != (ssize_t)length)
		exit(1);
}

/* Until somebody kills this process, or its alarm does. */
static void
hang(void)
{
	for (;;)
		pause();
}

static void
flood(int fd, const char *with)
{
	static char room[65536];
	size_t length = strlen(with);

	for (size_t at = 0; at < sizeof room; at++)
		room[at] = with[at % length];
	for (long left = FLOOD; left > 0; left -= (long)sizeof room)
		if (write(fd, room, sizeof room) < 0)
			return;
}

/* Records what this process inherited, in a line: its session, its terminal, its descriptors, its signals. */
static void
record_surroundings(void)
{
	char text[400];
	sigset_t blocked;
	size_t used;
	int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);

	used = (size_t)snprintf(text, sizeof text, "%s session, terminal: %s, descriptors:",
	    getsid(0) == getpid() ? "own" : "inherited", terminal >= 0 ? "open" : strerror(errno));
	if (terminal >= 0)
		close(terminal);
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			used += (size_t)snprintf(text + used, sizeof text - used, " %d", fd);
	used += (size_t)snprintf(text + used, sizeof text - used, ", signals:");
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int number = 1; number < 32; number++) {
		struct sigaction action;

		if (sigaction(number, NULL, &action) == 0 && (action.sa_handler != SIG_DFL || sigismember(&blocked, number) == 1))
			used += (size_t)snprintf(text + used, sizeof text - used, " %d", number);
	}
	text[used++] = '\n';
	record("surroundings", text, used);
}

/* Records when this guest began (+1) or ended (-1) its wait before the greeting. */
static void
wait_marked(int by)
{
	char text[64];

	record("waits", text, (size_t)snprintf(text, sizeof text, "%" PRId64 " %d\n", host_time(), by));
}

/* Starts a process that keeps its parent's descriptors open and does not end by itself before 30 s. */
static void
start_proxy(void)
{
	char text[32];
	pid_t pid = fork();

	if (pid == 0) {
		alarm(30);
		hang();
	}
	record("proxy", text, (size_t)snprintf(text, sizeof text, "%ld\n", (long)pid));
}

static void
say_time(const char *word, int64_t time)
{
	char line[400];

	/* guestclock-set sends no time before the epoch either. */
	if (time < 0)
		time = 0;
	snprintf(line, sizeof line, "%s %" PRId64 ".%09" PRId64 "\n", word, time / SECOND, time % SECOND);
	say(line);
}

static bool
knows_raw(void)
{
	return is("raw") || is("stale");
}

static void
say_raw(void)
{
	int64_t time = host_time() + guest.offset;
	char line[400];

	snprintf(line, sizeof line, "raw %" PRId64 ".%09" PRId64 " 1000.000000000 %" PRId64 " +0.000 10000 +0.000000000 no 16.000000000\n",
	    time / SECOND, time % SECOND, sets);
	say(line);
}

/* Whether LINE, an order, has no number where it must have one, or that of another set.  Answers it then. */
static bool
refuse_number(const char *line)
{
	const char *value = strchr(line, ' '), *number = value != NULL ? strchr(value + 1, ' ') : NULL;

	if (is("stale") && sets == 41) {
		sets++;
		guest.offset = 0;
		keep_clock();
	}
	if (knows_raw() == (number != NULL) && (number == NULL || strtoll(number, NULL, 10) == sets))
		return false;
	say(number != NULL && knows_raw() ? "no stale the clock was set by another request or program after this one began to measure it; nothing was done\n" :
	    "no syntax expected now, step, slew, rate, bound or bye\n");
	return true;
}

/* The reply to an order that was carried out, and whose set has the number NUMBER. */
static void
say_done(int64_t number)
{
	int64_t time = host_time() + guest.offset;
	char line[400];

	if (!knows_raw()) {
		say_time("done", time);
		return;
	}
	snprintf(line, sizeof line, "done %" PRId64 ".%09" PRId64 " %" PRId64 "\n", time / SECOND, time % SECOND, number);
	say(line);
}

static void
take_now(int samples)
{
	int64_t time = host_time() + guest.offset;
	char line[400];

	if (is("midline")) {
		say("now 17");
		hang();
	} else if (is("garbage"))
		say("\001\377\033[2J$(touch garbage) \"\\ 'now' |\n");
	else if (is("nul")) {
		if (write(STDOUT_FILENO, "now 1\0002.000000000\n", 18) != 18)
			exit(1);
	} else if (is("longline")) {
		memset(line, '7', 300);
		line[300] = '\n';
		line[301] = '\0';
		say(line);
	} else if (is("backwards"))
		say_time("now", time - samples * SECOND);
	else if (is("edge64"))
		say("now 9223372036.854775807\n");
	else if (is("epoch"))
		say("now 0.000000000\n");
	else if (is("beyond64"))
		say("now 9223372036.854775808\n");
	else if (is("digits")) {
		snprintf(line, sizeof line, "now %0230d.000000000\n", 1);
		say(line);
	} else if (is("still")) {
		if (still_at == 0)
			still_at = time;
		say_time("now", still_at);
	} else if (is("early")) {
		snprintf(line, sizeof line, "now %" PRId64 ".%09" PRId64 "\nnow 1.000000000\n", time / SECOND, time % SECOND);
		say(line);
	} else if (is("wrongreply"))
		say_time("done", time);
	else if (is("floodlater"))
		flood(STDOUT_FILENO, "now 1.000000000\n");
	else if (is("halfway"))
		exit(7);
	else
		say_time("now", time);
}

static void
take_step(const char *value)
{
	bool negative = value[0] == '-';
	char *end;
	int64_t by = strtoll(value + 1, &end, 10) * SECOND;

	if (*end == '.')
		by += strtoll(end + 1, NULL, 10);
	if (negative)
		by = -by;
	if (is("toofar")) {
		say("no too-far the clock would move by more than --max-step in an hour\n");
		return;
	}
	guest.steps++;
	if (!is("undo"))
		guest.offset += by;
	still_at += by;
	if (is("badonce") && guest.steps == 1)
		guest.offset += 10 * MILLISECOND;
	keep_clock();
	if (is("afterstep"))
		hang();
	if (is("killed"))
		raise(SIGKILL);
	say_done(++sets);
}

static void
serve(void)
{
	char line[300];
	int samples = 0;

	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "now") == 0)
			take_now(samples++);
		else if (strcmp(line, "raw") == 0 && knows_raw())
			say_raw();
		else if (strncmp(line, "step ", 5) == 0) {
			if (!refuse_number(line))
				take_step(line + 5);
		} else if (strncmp(line, "slew ", 5) == 0) {
			if (refuse_number(line))
				continue;
			guest.slews++;
			keep_clock();
			say_done(++sets);
		} else if (strncmp(line, "rate ", 5) == 0 && knows_raw()) {
			/* The order of the rate in force, which is always 0 here, changes nothing. */
			if (!refuse_number(line))
				say_done(sets);
		} else if (strncmp(line, "bound ", 6) == 0 && is("nobound"))
			say("no failed Operation not permitted\n");
		else if (strncmp(line, "bound ", 6) == 0) {
			guest.tells++;
			keep_clock();
			say_time("done", host_time() + guest.offset);
		} else if (strcmp(line, "bye") == 0) {
			guest.byes++;
			keep_clock();
			if (is("lingers"))
				hang();
			exit(is("exit255late") ? 255 : 0);
		} else
			say("no syntax expected now, step, slew, rate, bound or bye\n");
	}
}

static void
before_greeting(void)
{
	if (is("hang"))
		hang();
	if (is("deaf")) {
		signal(SIGTERM, SIG_IGN);
		hang();
	}
	if (is("flood"))
		flood(STDOUT_FILENO, "flood");
	if (is("floodlines"))
		flood(STDOUT_FILENO, "flood\n");
	if (is("flooderr")) {
		signal(SIGPIPE, SIG_IGN);
		flood(STDERR_FILENO, "flood");
	}
	if (is("flooderrlines")) {
		flood(STDERR_FILENO, "flood\n");
		hang();
	}
	if (is("banner"))
		say("Welcome to the guest! | \"have\" a lot of fun\n");
	if (is("exit255")) {
		fputs("debug: first\r\nssh: connect to host x port 22: Connection refused\r\n", stderr);
		exit(255);
	}
	if (is("closes")) {
		close(STDOUT_FILENO);
		hang();
	}
	if (is("slow"))
		usleep(400000);
	/* Like a gateway with too many connections (MaxStartups), or a guest whose sshd is just starting. */
	if ((is("fullonce") && guest.starts == 1) || is("full")) {
		fputs("kex_exchange_identification: Connection closed by remote host\r\n"
		    "Connection closed by UNKNOWN port 65535\r\n", stderr);
		exit(255);
	}
	if (is("fullslow") && guest.starts == 1)
		exit(255);
	if (is("fullslow")) {
		wait_marked(+1);
		usleep(100000);
		wait_marked(-1);
	}
	if (is("proxy")) {
		start_proxy();
		hang();
	}
	if (is("denied")) {
		fputs("root@denied: Permission denied (publickey).\r\n", stderr);
		exit(255);
	}
	if (is("unknownkey")) {
		fputs("No ED25519 host key is known for x and you have requested strict checking.\r\nHost key verification failed.\r\n",
		    stderr);
		exit(255);
	}
	if (is("otherkey")) {
		fputs("Host key verification failed.\r\n", stderr);
		exit(255);
	}
	if (is("openkey")) {
		fputs("@@@@@@@@@@\r\n@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\r\n@@@@@@@@@@\r\n"
		    "Permissions 0644 for '/etc/guestclock/id_guest' are too open.\r\nThis private key will be ignored.\r\n"
		    "Load key \"/etc/guestclock/id_guest\": bad permissions\r\nroot@openkey: Permission denied (publickey,password).\r\n",
		    stderr);
		exit(255);
	}
	if (is("longerror")) {
		for (int at = 0; at < 60; at++)
			fputs("longword ", stderr);
		exit(255);
	}
	if (is("disconnected")) {
		fputs("Received disconnect from 192.0.2.1 port 22:2: forged\nHost key for disconnected has changed and you have requested "
		    "strict checking.\r\nHost key verification failed.\r\nDisconnected from 192.0.2.1 port 22\r\n", stderr);
		exit(255);
	}
	if (is("offers")) {
		fputs("Unable to negotiate with 192.0.2.1 port 22: no matching cipher found. Their offer: x\r"
		    "root@offers: Permission denied (publickey).\r\n", stderr);
		exit(255);
	}
	if (is("refusedlater")) {
		fputs("Load key \"/another\": bad permissions\nguestclock-set: refused: exchange is not among the requests\n", stderr);
		exit(1);
	}
	if (is("noloader")) {
		fputs("ssh: error while loading shared libraries: libcrypto.so.3: cannot open shared object file\n", stderr);
		exit(127);
	}
	if (is("noprogram")) {
		fputs("Load key \"/another\": bad permissions\nsh: 1: /usr/libexec/guestclock-set: not found\n", stderr);
		exit(127);
	}
	if (is("silent127"))
		exit(127);
	if (is("refused")) {
		fputs("guestclock-set: refused: exchange is not among the requests that --allow names\n", stderr);
		exit(1);
	}
	if (is("looks"))
		record_surroundings();
}

int
main(int count, char **words)
{
	static char line[8192];
	const char *destination = NULL;
	size_t used = 0;

	alarm(60);
	/* guestclock passes little on if it gives up root: $WORK/bin/ssh then finds $WORK/guests. */
	if (getenv("FAKE_SSH") == NULL) {
		char *room = calloc(1, 4096), *end = room != NULL && readlink("/proc/self/exe", room, 4000) > 0 ? strstr(room, "/bin/ssh") : NULL;

		if (end == NULL)
			return 111;
		strcpy(end, "/guests");
		setenv("FAKE_SSH", room, 1);
	}
	for (int at = 0; at < count; at++) {
		used += (size_t)snprintf(line + used, sizeof line - used, "%s\t", words[at]);
		if (destination == NULL && at > 0 && strcmp(words[at - 1], "--") == 0)
			destination = words[at];
	}
	line[used++] = '\n';
	record("argv", line, used);
	record("pids", line, (size_t)snprintf(line, sizeof line, "%ld\n", (long)getpid()));
	if (destination == NULL) {
		fputs("no destination behind --\n", stderr);
		return 254;
	}
	find_clock(destination);
	before_greeting();
	if (is("version"))
		say("guestclock 2 boot=0123 sync=no freq=+0.000 tick=10000 more=1\n");
	else if (is("other"))
		say("guestclock 1 boot=0123 sync=other freq=+0.000 tick=10000\n");
	else if (knows_raw())
		say("guestclock 1 boot=0123 sync=no freq=+0.000 tick=10000 later=1 program=0.1.2 raw\n");
	else
		say("guestclock 1 boot=0123 sync=no freq=+0.000 tick=10000\n");
	serve();
	return 0;
}
